import { OrmConfigError } from './errors/orm-web-error.js';
import { assertStableNames } from './migration-names.js';
import { sqlConnections } from './sql-internals.js';
import type { AnyOrm } from './orm-source.js';

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

/** Whether the Migrator extension is registered. */
function hasMigrator(orm: AnyOrm): boolean {
  return orm.config.getExtension('@mikro-orm/migrator') !== undefined;
}

/** Names of the migrations that the database lacks, told by SELECTs only: MikroORM's `getPending()` creates the table. */
export async function pendingMigrations(orm: AnyOrm): Promise<string[]> {
  if (!hasMigrator(orm)) {
    return [];
  }
  const migrator = orm.migrator as unknown as MigratorInternals;
  await migrator.resolvePaths();
  const all = (await migrator.discoverMigrations()).map(({ name }) => name);
  const storage = migrator.getStorage();
  const { tableName, schemaName, entity } = storage.getTableName();
  const [[, connection]] = sqlConnections(orm) as [[string, never]];
  const platform = orm.driver.getPlatform() as unknown as PlatformInternals;
  if (!(await platform.getSchemaHelper().tableExists(connection, tableName, schemaName))) {
    return all;
  }
  const driver = orm.driver as unknown as DriverInternals;
  const rows = await driver.createQueryBuilder(entity).withSchema(schemaName).execute('all', false);
  const executed = new Set(rows.map(row => storage.getMigrationName(row.name)));
  return all.filter(name => !executed.has(name));
}

// Not public API: "check() only reads" in test/orm-singleton.test.ts holds MikroORM to it, on each driver.
interface MigratorInternals {
  resolvePaths(): Promise<void>;
  discoverMigrations(): Promise<{ name: string }[]>;
  getStorage(): {
    getTableName(): { tableName: string; schemaName: string | undefined; entity: unknown };
    getMigrationName(name: string): string;
  };
}
interface PlatformInternals {
  getSchemaHelper(): { tableExists(connection: never, table: string, schema: string | undefined): Promise<boolean> };
}
interface DriverInternals {
  createQueryBuilder(entity: unknown): {
    withSchema(schema: string | undefined): { execute(method: 'all', mapResults: false): Promise<{ name: string }[]> };
  };
}
