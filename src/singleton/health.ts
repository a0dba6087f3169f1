import { mapOrmError } from '../problems/map-orm-error.js';
import type { OrmProblemCode } from '../problems/problem-codes.js';
import type { RunSchema } from '../migrations/migrate-options.js';
import { pendingMigrations } from '../migrations/pending-migrations.js';
import { probeSchema } from '../migrations/schema-probe.js';
import type { AnyOrm } from '../orm-source.js';
import { isThere as databaseIsThere, type DatabaseIdentity } from '../process/database-identity.js';
import { within } from '../util/time-limit.js';

/** Whether this process can serve: what `check()` of an {@link OrmSingleton} resolves with. */
export interface OrmHealth {
  /** All of it. */
  ok: boolean;
  /** Whether the database answers, and if not, why, in the terms of `mapOrmError`. */
  database: {
    ok: boolean;
    reason?: OrmProblemCode | undefined;
    /** False where the server answers and does not write: a standby, or one that somebody has set so. Else absent. */
    writable?: false | undefined;
  };
  /** The names of migrations that have not run; none for a config without migrations. */
  migrations: { ok: boolean; pending: string[] };
  /**
   * Only where the database has names that a minifier made: of migrations, join columns or discriminators.
   * `npx mikro-orm-web doctor` repairs them. The reason names tables and columns: it is for a log, not for clients.
   */
  schema?: { ok: boolean; reason?: string | undefined } | undefined;
}

/** What a check tells of an error: its cause in the terms of `mapOrmError`, and no more. */
export function unhealthy(error: unknown, orm?: AnyOrm): OrmHealth {
  const reason = mapOrmError(error, { orm })?.code ?? 'internal-error';
  return { ok: false, database: { ok: false, reason }, migrations: { ok: false, pending: [] } };
}

/**
 * Asks the database, by SELECTs only, whether it answers and has all migrations. One that is not there is
 * empty, and is not created. A schema that was found healthy is not looked at again on the same `pool`.
 */
export async function checkHealth(
  orm: AnyOrm,
  identity: DatabaseIdentity,
  { schemas, pool }: { schemas: readonly RunSchema[]; pool: object },
): Promise<OrmHealth> {
  try {
    const isThere = databaseIsThere(identity);
    const isWritable = isThere && (await ask(orm));
    const { pending, minified } = await pendingMigrations(orm, isThere, schemas);
    const names =
      minified.length > 0 &&
      `Migrations are recorded as ${minified.join(', ')}: names that a minifier made. Run npx mikro-orm-web doctor.`;
    const reason = names || (isThere ? await probe(orm, pool) : undefined);
    const migrations = { ok: pending.length === 0, pending };
    return {
      ok: migrations.ok && reason === undefined,
      database: isThere && !isWritable ? { ok: true, writable: false } : { ok: true },
      migrations,
      ...(reason === undefined ? {} : { schema: { ok: false, reason } }),
    };
  } catch (error) {
    return unhealthy(error, orm);
  }
}

/** Whether the database writes; rejects where it does not answer. */
async function ask(orm: AnyOrm): Promise<boolean> {
  const packages = orm.driver.getDependencies();
  const sql = packages.includes('pg')
    ? `select current_setting('transaction_read_only') = 'off' as writable`
    : packages.includes('mysql2')
      ? 'select @@global.read_only = 0 as writable'
      : 'select 1 as writable';
  const [row] = await orm.driver.getConnection().execute<{ writable?: unknown }[]>(sql);
  return Boolean(row?.writable);
}

/** Milliseconds that a check waits for a probe: on a large table it goes on, and a later check has its answer. */
const PROBE_TIMEOUT = 1_000;

/** Probes that found nothing, or are under way, by pool. */
const probes = new WeakMap<object, Promise<string | undefined>>();

/** What is wrong with the schema. A probe that fails says nothing: whether the database answers is asked by itself. */
async function probe(orm: AnyOrm, pool: object): Promise<string | undefined> {
  let running = probes.get(pool);
  if (!running) {
    running = probeSchema(orm);
    probes.set(pool, running);
    running.then(
      reason => reason !== undefined && probes.delete(pool),
      () => probes.delete(pool),
    );
  }
  return within(PROBE_TIMEOUT, running).catch(() => undefined);
}
