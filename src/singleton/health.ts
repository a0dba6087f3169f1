import { existsSync } from 'node:fs';
import { mapOrmError } from '../problems/map-orm-error.js';
import type { OrmProblemCode } from '../problems/problem-codes.js';
import type { RunSchema } from '../migrations/migrate-options.js';
import { pendingMigrations } from '../migrations/pending-migrations.js';
import type { AnyOrm } from '../orm-source.js';

/** Whether this process can serve: what `check()` of an {@link OrmSingleton} resolves with. */
export interface OrmHealth {
  /** All of it. */
  ok: boolean;
  database: { ok: boolean; reason?: OrmProblemCode | undefined };
  migrations: { ok: boolean; pending: string[] };
}

/** What a check tells of an error: its cause in the terms of `mapOrmError`, and no more. */
export function unhealthy(error: unknown, orm?: AnyOrm): OrmHealth {
  const reason = mapOrmError(error, { orm })?.code ?? 'internal-error';
  return { ok: false, database: { ok: false, reason }, migrations: { ok: false, pending: [] } };
}

/**
 * Asks the database, by SELECTs only, whether it answers and has all migrations. A `file` that is not there is an empty
 * database: asking it would create it.
 */
export async function checkHealth(
  orm: AnyOrm,
  file: string | undefined,
  schemas: readonly RunSchema[],
): Promise<OrmHealth> {
  try {
    const isThere = file === undefined || existsSync(file);
    if (isThere) {
      await orm.driver.getConnection().execute('select 1');
    }
    const pending = await pendingMigrations(orm, isThere, schemas);
    const ok = pending.length === 0;
    return { ok, database: { ok: true }, migrations: { ok, pending } };
  } catch (error) {
    return unhealthy(error, orm);
  }
}
