import type { MigrationObject, MigrationsOptions } from '@mikro-orm/core';
import type { Migration } from '@mikro-orm/migrations';
import { ExplicitNameError } from '../errors.js';
import { migrationIndexGenerator } from './index-generator.js';
import { looksMinified, ownName } from './migration-names.js';
import { readNamedList, readTooEarly } from '../util/named-list.js';
import { checkedMigrator } from './checked-migrator.js';
import type { OrmExtension } from './orm-extension.js';
import type { RenamedMigrations } from './recorded-names.js';

/** Options of {@link explicitMigrations}: all of MikroORM's `migrations` options but the list. */
export interface ExplicitMigrationsOptions extends Omit<MigrationsOptions, 'migrationsList'> {
  /** Extensions to keep beside the Migrator. @default [] */
  extensions?: readonly OrmExtension[] | undefined;
  /**
   * Real names of migrations that were recorded under minified ones; the next run repairs the rows. Where several rows have
   * one name, an array names each of them, in the order of their ids.
   * @example { g: 'Migration20251221173216', h: ['Migration20260101000000', 'Migration20260202000000'] }
   * @default {}
   */
  renamed?: RenamedMigrations | undefined;
}

/**
 * Lists migrations under names that a bundler cannot change: the keys. To be spread into the config; it brings the
 * Migrator extension, too. The list is sorted by name, the schema snapshot is off in production, and
 * `mikro-orm migration:create` keeps `index.ts` beside the migrations up to date.
 *
 * A run of the Migrator then repairs the names in `renamed`, warns of recorded migrations that the list lacks, and stops
 * before it changes anything where a recorded name looks minified or the list is empty. If a migration of the run is not
 * transactional, each of them is committed by itself.
 *
 * @param migrations migration classes by name: a namespace import, or an object in shorthand. Other values of a namespace
 *   are ignored, unless their key looks like a migration's.
 * @param options MikroORM's `migrations` options, `extensions` and `renamed`. `path` defaults to `./migrations`.
 * @throws {@link ExplicitNameError} with all offenders and the line to write instead: for an array, for a key that differs
 *   from the class's own `name` field, for a class under two keys
 *
 * @example
 * ```ts
 * import { defineConfig } from '@mikro-orm/sqlite';
 * import { explicitEntities, explicitMigrations } from 'mikro-orm-web';
 * import { UserSchema } from './entities';
 * import * as migrations from './migrations';
 *
 * export default defineConfig({
 *   dbName: 'app.db',
 *   entities: explicitEntities({ User: UserSchema }),
 *   ...explicitMigrations(migrations),
 * });
 * ```
 */
export function explicitMigrations(
  migrations: Record<string, unknown>,
  options: ExplicitMigrationsOptions = {},
): { extensions: OrmExtension[]; migrations: MigrationsOptions } {
  const { extensions = [], renamed = {}, ...rest } = options;
  const example = "import * as migrations from './migrations' and explicitMigrations(migrations)";
  // an empty list is one that `migration:create` has not written yet: a run refuses it
  const migrationsList = readNamedList('explicitMigrations', example, migrations, readMigration, true).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  assertRenamed(renamed, new Set(migrationsList.map(({ name }) => name)));
  return {
    extensions: [...extensions, checkedMigrator(renamed, migrationsList.length === 0)],
    migrations: {
      ...rest,
      migrationsList,
      path: rest.path ?? './migrations',
      snapshot: rest.snapshot ?? process.env['NODE_ENV'] !== 'production',
      generator: migrationIndexGenerator(rest),
    },
  };
}

/** The migration, or what is wrong with it; undefined for a value that is no migration. */
function readMigration(key: string, value: unknown): MigrationObject | string | undefined {
  if (!isMigration(value)) {
    return /^Migration\d/.test(key)
      ? `${key} is ${typeof value} and not a migration class: a circular import?${readTooEarly()}`
      : undefined;
  }
  const own = ownName(value) ?? key;
  if (own !== key) {
    return `${key} has a name field that says ${own}, write \`${own}: ${key}\``;
  }
  if (key === 'default' || looksMinified(key)) {
    return `${key} is no name for a migration, export the class under its own`;
  }
  return { name: key, class: value };
}

function isMigration(value: unknown): value is MigrationObject['class'] {
  if (typeof value !== 'function') {
    return false;
  }
  const prototype: Partial<Migration> | undefined = value.prototype;
  // with a second copy of @mikro-orm/migrations in the bundle, `instanceof` would fail; an abstract base has no up()
  return typeof prototype?.up === 'function' && typeof prototype.addSql === 'function';
}

function assertRenamed(renamed: RenamedMigrations, names: ReadonlySet<string>): void {
  const bad = Object.entries(renamed).flatMap(([from, to]) => {
    const targets = typeof to === 'string' ? [to] : to;
    if (targets.length === 0) {
      return `${from} to nothing`;
    }
    return targets.filter(target => names.has(from) || !names.has(target)).map(target => `${from} to ${target}`);
  });
  if (bad.length > 0) {
    throw new ExplicitNameError(
      `\`renamed\` leads from a recorded name to one of the list, and cannot map ${bad.join(', ')}. Write renamed: { g: '${[...names][0] ?? 'Migration20251221173216'}' }.`,
    );
  }
}
