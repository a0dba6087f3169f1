import type { Transaction } from '@mikro-orm/core';
import type { Migrator } from '@mikro-orm/migrations';
import { ExplicitNameError } from '../errors.js';
import { sqlConnections, type SqlConnection } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import { warn } from '../util/warn.js';
import { looksMinified } from './migration-names.js';

/** Real names of migrations that were recorded under minified ones: an array names several rows, in the order of their ids. */
export type RenamedMigrations = Readonly<Record<string, string | readonly string[]>>;

/** What a run knows of the names of its migrations. */
interface RunNames {
  readonly renamed: RenamedMigrations;
  /** Those that the app has. */
  readonly listed: readonly string[];
  readonly transaction: Transaction | undefined;
  readonly schema: string | undefined;
}

/** A row of the table in which migrations are recorded. */
export interface RecordedRow {
  readonly id: number;
  /** Without the extension that MikroORM records for files. */
  readonly name: string;
  readonly recordedName: string;
}

/**
 * Rows in the order of their ids, by SELECTs only, on the primary; within a transaction, if there is one, and of the schema
 * that a run is for.
 */
export async function recordedRows(orm: AnyOrm, transaction?: Transaction, schema?: string): Promise<RecordedRow[]> {
  const storage = (orm.migrator as unknown as MigratorInternals).getStorage();
  const platform = orm.driver.getPlatform() as unknown as PlatformInternals;
  const { tableName, schemaName: configured } = storage.resolveTableName();
  // not by setRunSchema(), which a run of the same Migrator may be using
  const own = schema === undefined ? undefined : platform.getSchemaHelper().resolveMigrationSchema(schema);
  const schemaName = own ?? configured;
  const [[, connection]] = sqlConnections(orm) as [[string, SqlConnection]];
  if (!(await platform.getSchemaHelper().tableExists(connection, tableName, schemaName, transaction))) {
    return [];
  }
  const table = [schemaName, tableName].flatMap(name => (name ? platform.quoteIdentifier(name) : [])).join('.');
  const [id, name] = [platform.quoteIdentifier('id'), platform.quoteIdentifier('name')];
  const sql = `select ${id}, ${name} from ${table} order by ${id}`;
  const rows = (await connection.execute(sql, [], 'all', transaction)) as { id: number; name: string }[];
  return rows.map(row => ({ id: row.id, name: storage.getMigrationName(row.name), recordedName: row.name }));
}

/**
 * Repairs the names that `renamed` maps. Throws before it changes anything where `renamed` does not fit the rows, or where
 * another name looks minified; warns of names that the list lacks. Returns the names that are recorded now.
 */
export async function repairRecordedNames(
  orm: AnyOrm,
  migrator: Migrator,
  { renamed, listed, transaction, schema }: RunNames,
): Promise<ReadonlySet<string>> {
  const { rows, targets, recorded, unknown } = await assertRecordedNames(orm, renamed, transaction, schema, listed);
  if (targets.size > 0) {
    await repairRows(orm, migrator, rows, targets, transaction);
  }
  warnOfUnknown(orm, unknown);
  return recorded;
}

/** Throws, as a run would, where `renamed` does not fit the rows, or where a name that it lacks looks minified. */
export async function assertRecordedNames(
  orm: AnyOrm,
  renamed: RenamedMigrations = {},
  transaction?: Transaction,
  schema?: string,
  listed: readonly string[] = (orm.config.get('migrations').migrationsList ?? []).map(({ name }) => name),
): Promise<{
  rows: readonly RecordedRow[];
  /** The name that each wrong row gets. */
  targets: ReadonlyMap<RecordedRow, string>;
  /** Names that are recorded once the rows have theirs. */
  recorded: ReadonlySet<string>;
  /** Those that the list lacks. */
  unknown: readonly string[];
}> {
  const rows = await recordedRows(orm, transaction, schema);
  const targets = planRepairs(rows, renamed);
  const recorded = new Set(rows.map(row => targets.get(row) ?? row.name));
  const unknown = [...recorded].filter(name => !listed.includes(name));
  const missing = listed.filter(name => !recorded.has(name));
  assertNotMinified(rows, unknown.filter(looksMinified), missing);
  return { rows, targets, recorded, unknown };
}

/** Finds the name that each wrong row gets. */
function planRepairs(rows: readonly RecordedRow[], renamed: RenamedMigrations): ReadonlyMap<RecordedRow, string> {
  const targets = new Map<RecordedRow, string>();
  const offences: string[] = [];
  const shapes: string[] = [];
  for (const [from, to] of Object.entries(renamed)) {
    const wrong = rows.filter(row => row.name === from);
    const names = typeof to === 'string' ? [to] : to;
    if (wrong.length !== 0 && wrong.length !== names.length) {
      offences.push(`${from} for ${countOf(wrong)} (${listOf(wrong)}), and names ${names.length}`);
      shapes.push(shapeOf(from, rows));
    }
    wrong.forEach((row, i) => targets.set(row, names[i]!));
  }
  if (offences.length > 0) {
    throw new ExplicitNameError(
      `\`renamed\` does not fit the migrations table, which has ${offences.join('; ')}. Nothing was changed. Write one name a row, in the order of the ids: renamed: { ${shapes.join(', ')} }.`,
    );
  }
  return targets;
}

/** Gives rows their names. Of a migration that is recorded twice, as `renamed` says, the first row stays. */
async function repairRows(
  orm: AnyOrm,
  migrator: Migrator,
  rows: readonly RecordedRow[],
  targets: ReadonlyMap<RecordedRow, string>,
  transaction: Transaction | undefined,
): Promise<void> {
  const { entity } = migrator.getStorage().getTableName();
  const removed: string[] = [];
  const repair = async (ctx: Transaction): Promise<void> => {
    const taken = new Set(rows.filter(row => !targets.has(row)).map(({ name }) => name));
    for (const row of rows) {
      const name = targets.get(row);
      if (name === undefined) {
        continue;
      }
      // by name, too: another process may have repaired it by now
      const where = { id: row.id, name: row.recordedName };
      if (taken.has(name)) {
        await orm.driver.nativeDelete(entity as never, where as never, { ctx });
        removed.push(`${row.id} ${row.name} (${name})`);
      } else {
        await orm.driver.nativeUpdate(entity as never, where as never, { name } as never, { ctx });
        taken.add(name);
      }
    }
  };
  await (transaction ? repair(transaction) : orm.driver.getConnection().transactional(repair));
  if (removed.length > 0) {
    warn(
      orm.config,
      `Migrations were recorded twice, as \`renamed\` says, and one row of each stays. Removed: ${removed.join(', ')}.`,
    );
  }
}

/** Proposes a name only where there is no other: a wrong one would run a migration again. */
function assertNotMinified(
  rows: readonly RecordedRow[],
  minified: readonly string[],
  missing: readonly string[],
): void {
  if (minified.length === 0) {
    return;
  }
  const wrong = rows.filter(row => minified.includes(row.name));
  const isCertain = wrong.length === 1 && missing.length === 1;
  const shape = isCertain ? `${minified[0]}: '${missing[0]}'` : minified.map(name => shapeOf(name, rows)).join(', ');
  throw new ExplicitNameError(
    `Migrations were recorded under names that a minifier made: ${minified.join(', ')}. Nothing was run. By id, the rows are: ${listOf(wrong)}. Listed, and not recorded: ${missing.join(', ') || 'none; delete the row of a migration that is gone'}. Write the name of each row, in the order of the ids, and the next run repairs them: explicitMigrations(migrations, { renamed: { ${shape} } }). \`npx mikro-orm-web doctor\` finds them, where the database proves which they are.`,
  );
}

/** Logs recorded names that the list lacks: a newer release has run them, or the list was shortened. MikroORM ignores them. */
export function warnOfUnknown(orm: AnyOrm, names: readonly string[]): void {
  if (names.length > 0) {
    warn(orm.config, `The database has migrations that the list lacks: ${names.join(', ')}. They are left alone.`);
  }
}

const countOf = (rows: readonly RecordedRow[]): string => (rows.length === 1 ? '1 row' : `${rows.length} rows`);

const listOf = (rows: readonly RecordedRow[]): string => rows.map(({ id, name }) => `${id} ${name}`).join(', ');

/** What `renamed` has to look like for the rows of a name. */
function shapeOf(name: string, rows: readonly RecordedRow[]): string {
  const blanks = rows.filter(row => row.name === name).map(() => "'…'");
  return `${name}: ${blanks.length === 1 ? blanks[0] : `[${blanks.join(', ')}]`}`;
}

// Not public API: "check() only reads" in test/singleton/create-orm-singleton.test.ts holds MikroORM to it, on each driver.
interface MigratorInternals {
  getStorage(): {
    /** `getTableName()` would add an entity to MikroORM's registry with each call. */
    resolveTableName(): { tableName: string; schemaName: string | undefined };
    getMigrationName(name: string): string;
  };
}
interface PlatformInternals {
  quoteIdentifier(name: string): string;
  getSchemaHelper(): {
    resolveMigrationSchema(schema: string): string | undefined;
    tableExists(
      connection: SqlConnection,
      table: string,
      schema: string | undefined,
      transaction: Transaction | undefined,
    ): Promise<boolean>;
  };
}
