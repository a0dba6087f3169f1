import type { MigrationsOptions } from '@mikro-orm/core';
import { ExplicitNameError, OrmConfigError } from '../errors.js';
import type { AnyOrm } from '../orm-source.js';
import { looksMinified, ownName } from './migration-names.js';
import { recordedRows, warnOfUnknown } from './recorded-names.js';

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
  assertStableNames(orm.config.get('migrations').migrationsList);
}

/** Refuses to run a list that is empty, or in which a minifier has left its marks, however the list came about. */
export function assertStableNames(list: MigrationsOptions['migrationsList']): void {
  if (list?.length === 0) {
    throw new ExplicitNameError(
      "There is no migration to run: the list is empty. Export the migration classes and write import * as migrations from './migrations' and explicitMigrations(migrations); `mikro-orm migration:create` writes the first one and its index.",
    );
  }
  const names = (list ?? []).map(entry => (typeof entry === 'function' ? (ownName(entry) ?? entry.name) : entry.name));
  const bad = [...new Set(names.filter((name, i) => looksMinified(name) || names.indexOf(name) !== i))];
  if (bad.length > 0) {
    throw new ExplicitNameError(
      `migrationsList has names that a minifier made or that occur twice: ${bad.join(', ')}. Nothing was run. Keys keep their names: import * as migrations from './migrations'; defineConfig({ ...explicitMigrations(migrations) }).`,
    );
  }
}

/** Whether the Migrator extension is registered. */
export function hasMigrator(orm: AnyOrm): boolean {
  return orm.config.getExtension('@mikro-orm/migrator') !== undefined;
}

/** Names of the migrations that the database lacks: all of them, if it is not there yet; and recorded names of a minifier's. */
export async function pendingMigrations(
  orm: AnyOrm,
  isThere: boolean,
): Promise<{ pending: string[]; minified: string[] }> {
  if (!hasMigrator(orm)) {
    return { pending: [], minified: [] };
  }
  if (!isThere) {
    return { pending: await listMigrations(orm), minified: [] };
  }
  const { all, executed } = await compareMigrations(orm);
  return {
    pending: all.filter(name => !executed.has(name)),
    minified: [...executed].filter(name => looksMinified(name) && !all.includes(name)),
  };
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

/** Names of the migrations that the app has. */
async function listMigrations(orm: AnyOrm): Promise<string[]> {
  const migrator = orm.migrator as unknown as MigratorInternals;
  await migrator.resolvePaths();
  return (await migrator.discoverMigrations()).map(({ name }) => name);
}

/** Names of migrations by SELECTs only: MikroORM's `getPending()` creates the table. */
async function compareMigrations(orm: AnyOrm): Promise<{ all: string[]; executed: Set<string> }> {
  const rows = await recordedRows(orm);
  return { all: await listMigrations(orm), executed: new Set(rows.map(({ name }) => name)) };
}

// Not public API: "check() only reads" in test/singleton/create-orm-singleton.test.ts holds MikroORM to it, on each driver.
interface MigratorInternals {
  resolvePaths(): Promise<void>;
  discoverMigrations(): Promise<{ name: string }[]>;
}
