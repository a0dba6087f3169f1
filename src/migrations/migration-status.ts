import type { AnyOrm } from '../orm-source.js';
import { identifyDatabase, isThere } from '../process/database-identity.js';
import { renamedMigrations } from './checked-migrator.js';
import type { LockState } from './lock/database-lock.js';
import { lookAtMigrationLock } from './lock/migration-lock.js';
import type { RunSchema } from './migrate-options.js';
import { looksMinified } from './migration-names.js';
import { inSchema, listMigrations } from './pending-migrations.js';
import { recordedRows, type RecordedRow, type RenamedMigrations } from './recorded-names.js';

/** What a database has of the migrations of an app. Names are after their schema, where the question was for several. */
export interface MigrationStatus {
  /** Recorded, and known to the app. */
  applied: string[];
  /** Not recorded: a run would run them, unless a minified name keeps it from that. */
  pending: string[];
  /** Recorded, and not in the list of the app. */
  unknown: string[];
  /** Recorded under a name that a minifier made, or that `renamed` maps. */
  minified: string[];
  lock: LockState;
}

/** Reads it by SELECTs only, and takes no lock. A database that is not there is empty, and is not created. */
export async function readMigrationStatus(
  orm: AnyOrm,
  schemas: readonly RunSchema[] = [undefined],
): Promise<MigrationStatus> {
  const hasRows = isThere(identifyDatabase(orm));
  const status: MigrationStatus = { applied: [], pending: [], unknown: [], minified: [], lock: { held: false } };
  const listed = await listMigrations(orm);
  const renamed = renamedMigrations(orm);
  for (const schema of schemas) {
    const rows = hasRows ? await recordedRows(orm, undefined, schema) : [];
    const recorded = new Set(rows.map(({ name }) => name));
    const targets = repairTargets(rows, renamed);
    const add = (part: Exclude<keyof MigrationStatus, 'lock'>, names: Iterable<string>): void =>
      void status[part].push(...Array.from(names, name => inSchema(schema, name)));
    for (const name of recorded) {
      const isListed = listed.includes(name);
      const isMinified = Object.hasOwn(renamed, name) || (!isListed && looksMinified(name));
      add(isMinified ? 'minified' : isListed ? 'applied' : 'unknown', [name]);
    }
    add(
      'pending',
      listed.filter(name => !recorded.has(name) && !targets.has(name)),
    );
  }
  status.lock = await lookAtMigrationLock(orm);
  return status;
}

/** The names that a run would give to rows. */
function repairTargets(rows: readonly RecordedRow[], renamed: RenamedMigrations): ReadonlySet<string> {
  return new Set(Object.entries(renamed).flatMap(([from, to]) => (rows.some(({ name }) => name === from) ? to : [])));
}
