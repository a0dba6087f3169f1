import { ExplicitNameError, OrmConfigError } from '../errors.js';
import type { AnyOrm } from '../orm-source.js';
import { looksMinified, ownName } from './migration-names.js';
import type { RunSchema } from './migrate-options.js';
import { recordedRows, warnOfUnknown } from './recorded-names.js';

/** What tells one run of migrations from another: the names that the config lists, or where it looks for files. */
export function migrationsKey(orm: AnyOrm, schemas: readonly RunSchema[]): string {
  const { migrationsList, path, pathTs, glob } = orm.config.get('migrations');
  return `migrate ${JSON.stringify([migrationsList?.map(entry => entry.name) ?? [path, pathTs, glob], schemas])}`;
}

/** Throws where nothing could be run, before anything is. */
export function assertMigratable(orm: AnyOrm): void {
  if (!hasMigrator(orm)) {
    throw new OrmConfigError(
      "`migrate` needs migrations in the config: defineConfig({ ...explicitMigrations(migrations) }), with import * as migrations from './migrations'. For files in a folder, outside of bundlers, add extensions: [Migrator] of @mikro-orm/migrations.",
    );
  }
  const { lacksMigrations } = orm.migrator as unknown as { lacksMigrations?: boolean };
  assertStableNames(orm.config, lacksMigrations);
}

/**
 * Refuses to run a list in which a minifier has left its marks, however the list came about; and an empty one, if
 * `explicitMigrations` got nothing (`lacks`): an app that says `migrationsList: []` by itself wants nothing to run.
 */
export function assertStableNames(config: AnyOrm['config'], lacks = false): void {
  const { migrationsList: list, emit = 'ts', path = './migrations', pathTs } = config.get('migrations');
  if (lacks && list?.length === 0) {
    const folder = emit === 'ts' ? (pathTs ?? path) : path;
    throw new ExplicitNameError(
      `There is no migration to run: the list is empty. Export the migration classes and write import * as migrations from './migrations' and explicitMigrations(migrations). \`mikro-orm migration:create\` writes them, and their index, to ${folder} in ${config.get('baseDir')}; if that import leads to another folder, name it: explicitMigrations(migrations, { path: './src/migrations' }).`,
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

/**
 * Names of the migrations that each schema lacks, after its own: all of them, if the database is not there yet; and names of
 * a minifier's that it has recorded.
 */
export async function pendingMigrations(
  orm: AnyOrm,
  isThere: boolean,
  schemas: readonly RunSchema[] = [undefined],
): Promise<{ pending: string[]; minified: string[] }> {
  if (!hasMigrator(orm)) {
    return { pending: [], minified: [] };
  }
  const [pending, minified]: string[][] = [[], []];
  for (const schema of schemas) {
    const { all, executed } = isThere
      ? await compareMigrations(orm, schema)
      : { all: await listMigrations(orm), executed: new Set<string>() };
    pending!.push(...all.filter(name => !executed.has(name)).map(name => inSchema(schema, name)));
    const wrong = [...executed].filter(name => looksMinified(name) && !all.includes(name));
    minified!.push(...wrong.map(name => inSchema(schema, name)));
  }
  return { pending: pending!, minified: minified! };
}

/** Those of `schemas` in which the Migrator has something to do. */
export async function schemasBehind(orm: AnyOrm, schemas: readonly RunSchema[]): Promise<RunSchema[]> {
  const behind: RunSchema[] = [];
  for (const schema of schemas) {
    if (!(await isMigrated(orm, schema).catch(() => false))) {
      behind.push(schema);
    }
  }
  return behind;
}

/** Whether the schema has all migrations, and none that a minifier named. */
async function isMigrated(orm: AnyOrm, schema: RunSchema): Promise<boolean> {
  const { all, executed } = await compareMigrations(orm, schema);
  const unknown = [...executed].filter(name => !all.includes(name));
  if (!all.every(name => executed.has(name)) || unknown.some(looksMinified)) {
    return false;
  }
  warnOfUnknown(
    orm,
    unknown.map(name => inSchema(schema, name)),
  );
  return true;
}

/** A migration of a schema, as messages name it. */
export const inSchema = (schema: RunSchema, name: string): string =>
  schema === undefined ? name : `${schema}.${name}`;

/** Names of the migrations that the app has. */
export async function listMigrations(orm: AnyOrm): Promise<string[]> {
  const migrator = orm.migrator as unknown as MigratorInternals;
  await migrator.resolvePaths();
  return (await migrator.discoverMigrations()).map(({ name }) => name);
}

/** The migrations that the app has, with what they do: the text of a class, or the file that it is in. */
export async function listSources(orm: AnyOrm): Promise<{ name: string; text?: string; path?: string }[]> {
  const migrator = orm.migrator as unknown as MigratorInternals;
  await migrator.resolvePaths();
  const { migrationsList = [] } = orm.config.get('migrations');
  const classes = new Map(
    migrationsList.map(entry =>
      typeof entry === 'function' ? [ownName(entry) ?? entry.name, entry] : [entry.name, entry.class],
    ),
  );
  return (await migrator.discoverMigrations()).map(({ name, path }) => {
    const type = classes.get(name);
    return { name, ...(type ? { text: String(type) } : path === undefined ? {} : { path }) };
  });
}

/** Names of migrations by SELECTs only: MikroORM's `getPending()` creates the table. */
async function compareMigrations(
  orm: AnyOrm,
  schema: RunSchema,
): Promise<{ all: string[]; executed: ReadonlySet<string> }> {
  const rows = await recordedRows(orm, undefined, schema);
  return { all: await listMigrations(orm), executed: new Set(rows.map(({ name }) => name)) };
}

// Not public API: "check() only reads" in test/singleton/create-orm-singleton.test.ts holds MikroORM to it, on each driver.
interface MigratorInternals {
  resolvePaths(): Promise<void>;
  discoverMigrations(): Promise<{ name: string; path?: string }[]>;
}
