import type { MigrationsOptions, Transaction } from '@mikro-orm/core';
import { ExplicitNameError, OrmConfigError } from '../errors.js';
import { looksMinified, ownName } from './migration-names.js';
import { sqlConnections, type SqlConnection } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import { warn } from '../util/warn.js';

/** What tells one run of migrations from another: the names that the config lists, or where it looks for files. */
export function migrationsKey(orm: AnyOrm): string {
  const { migrationsList, path, pathTs, glob } = orm.config.get('migrations');
  return `migrate ${JSON.stringify(migrationsList?.map(entry => entry.name) ?? [path, pathTs, glob])}`;
}

/** Throws where nothing could be run, before anything is. */
export function assertMigratable(orm: AnyOrm): void {
  if (!hasMigrator(orm)) {
    throw new OrmConfigError(
      "`migrate` needs migrations in the config: defineConfig({ ...explicitMigrations(migrations) }), with import * as migrations from './migrations'. For files in a folder, outside of bundlers, add extensions: [Migrator] of @mikro-orm/migrations.",
    );
  }
  assertStableNames(orm.config.get('migrations').migrationsList ?? []);
}

/** Refuses to run a list in which a minifier has left its marks, however the list came about. */
function assertStableNames(list: NonNullable<MigrationsOptions['migrationsList']>): void {
  const names = list.map(entry => (typeof entry === 'function' ? (ownName(entry) ?? entry.name) : entry.name));
  const bad = [...new Set(names.filter((name, i) => looksMinified(name) || names.indexOf(name) !== i))];
  if (bad.length > 0) {
    throw new ExplicitNameError(
      `migrationsList has names that a minifier made or that occur twice: ${bad.join(', ')}. Nothing was run. Keys keep their names: import * as migrations from './migrations'; defineConfig({ ...explicitMigrations(migrations) }).`,
    );
  }
}

/** Whether the Migrator extension is registered. */
function hasMigrator(orm: AnyOrm): boolean {
  return orm.config.getExtension('@mikro-orm/migrator') !== undefined;
}

/** Names of the migrations that the database lacks: all of them, if it is not there yet. */
export async function pendingMigrations(orm: AnyOrm, isThere: boolean): Promise<string[]> {
  if (!hasMigrator(orm)) {
    return [];
  }
  if (!isThere) {
    return listMigrations(orm);
  }
  const { all, executed } = await compareMigrations(orm);
  return all.filter(name => !executed.has(name));
}

/** Whether the database has all migrations, and none that a minifier named: then the Migrator has nothing to do. */
export async function isMigrated(orm: AnyOrm): Promise<boolean> {
  const { all, executed } = await compareMigrations(orm);
  const unknown = [...executed].filter(name => !all.includes(name));
  if (!all.every(name => executed.has(name)) || unknown.some(looksMinified)) {
    return false;
  }
  warnOfUnknown(orm, unknown);
  return true;
}

/** A newer release has run them, or the list was shortened: MikroORM ignores them. */
export function warnOfUnknown(orm: AnyOrm, names: string[]): void {
  if (names.length > 0) {
    warn(orm.config, `The database has migrations that the list lacks: ${names.join(', ')}. They are left alone.`);
  }
}

/** Names of the migrations that the app has. */
async function listMigrations(orm: AnyOrm): Promise<string[]> {
  const migrator = orm.migrator as unknown as MigratorInternals;
  await migrator.resolvePaths();
  return (await migrator.discoverMigrations()).map(({ name }) => name);
}

/** Names of migrations by SELECTs only: MikroORM's `getPending()` creates the table. */
async function compareMigrations(orm: AnyOrm): Promise<{ all: string[]; executed: Set<string> }> {
  return { all: await listMigrations(orm), executed: await recordedNames(orm) };
}

/** Names that the database has recorded, on its primary; within a transaction, if there is one. */
export async function recordedNames(orm: AnyOrm, transaction?: Transaction): Promise<Set<string>> {
  const storage = (orm.migrator as unknown as MigratorInternals).getStorage();
  const { tableName, schemaName } = storage.resolveTableName();
  const [[, connection]] = sqlConnections(orm) as [[string, SqlConnection]];
  const platform = orm.driver.getPlatform() as unknown as PlatformInternals;
  if (!(await platform.getSchemaHelper().tableExists(connection, tableName, schemaName, transaction))) {
    return new Set();
  }
  const table = [schemaName, tableName].flatMap(name => (name ? platform.quoteIdentifier(name) : [])).join('.');
  const sql = `select ${platform.quoteIdentifier('name')} from ${table}`;
  const rows = (await connection.execute(sql, [], 'all', transaction)) as { name: string }[];
  return new Set(rows.map(row => storage.getMigrationName(row.name)));
}

// Not public API: "check() only reads" in test/orm-singleton.test.ts holds MikroORM to it, on each driver.
interface MigratorInternals {
  resolvePaths(): Promise<void>;
  discoverMigrations(): Promise<{ name: string }[]>;
  getStorage(): {
    /** `getTableName()` would add an entity to MikroORM's registry with each call. */
    resolveTableName(): { tableName: string; schemaName: string | undefined };
    getMigrationName(name: string): string;
  };
}
interface PlatformInternals {
  quoteIdentifier(name: string): string;
  getSchemaHelper(): {
    tableExists(
      connection: SqlConnection,
      table: string,
      schema: string | undefined,
      transaction: Transaction | undefined,
    ): Promise<boolean>;
  };
}
