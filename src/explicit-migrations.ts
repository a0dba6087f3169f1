import type { MigrationObject, MigrationsOptions } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { ExplicitNameError } from './errors/orm-web-error.js';
import { migrationIndexGenerator } from './migration-index.js';
import { looksMinified, ownName } from './migration-names.js';
import { checkedMigrator } from './checked-migrator.js';
import type { AnyOrm } from './orm-source.js';

/** An extension of MikroORM, such as its `Migrator` or `SeedManager`. */
export interface OrmExtension {
  register(orm: AnyOrm): void;
}

/** Options of {@link explicitMigrations}: all of MikroORM's `migrations` options but the list. */
export interface ExplicitMigrationsOptions extends Omit<MigrationsOptions, 'migrationsList'> {
  /** Extensions to keep beside the Migrator. @default [] */
  extensions?: readonly OrmExtension[] | undefined;
  /** Rows that were recorded under a minified name, repaired before the next run: `{ g: 'Migration20251221173216' }`. */
  renamed?: Readonly<Record<string, string>> | undefined;
}

/**
 * Lists migrations under names that a bundler cannot change: the keys. To be spread into the config; it brings the
 * Migrator extension, too. The list is sorted by name, the schema snapshot is off in production, and
 * `mikro-orm migration:create` keeps `index.ts` beside the migrations up to date.
 *
 * A run of the Migrator then repairs the names in `renamed`, warns of recorded migrations that the list lacks, and stops
 * before it changes anything where a recorded name looks minified.
 *
 * @param migrations migration classes by name: a namespace import, or an object in shorthand. Other values of a namespace
 *   are ignored, unless their key looks like a migration's.
 * @param options MikroORM's `migrations` options, `extensions` and `renamed`. `path` defaults to `./migrations`.
 * @throws {@link ExplicitNameError} with all offenders and the line to write instead: for an array, for a key that differs
 *   from the class's own `name` field, for a class under two keys, for a list without migrations
 *
 * @example
 * ```ts
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
  const migrationsList = readMigrations(migrations);
  assertRenamed(renamed, new Set(migrationsList.map(({ name }) => name)));
  return {
    extensions: [...extensions, checkedMigrator(renamed)],
    migrations: {
      ...rest,
      migrationsList,
      path: rest.path ?? './migrations',
      snapshot: rest.snapshot ?? process.env['NODE_ENV'] !== 'production',
      generator: migrationIndexGenerator(rest),
    },
  };
}

function readMigrations(migrations: Record<string, unknown>): MigrationObject[] {
  if (typeof migrations !== 'object' || migrations === null || Array.isArray(migrations)) {
    throw new ExplicitNameError(
      "explicitMigrations takes an object, so that the keys can name the migrations: write import * as migrations from './migrations' and explicitMigrations(migrations), or explicitMigrations({ Migration20251221173216 }).",
    );
  }
  const offences: string[] = [];
  const keys = new Map<unknown, string>();
  const list: MigrationObject[] = [];
  for (const [key, value] of Object.entries(migrations)) {
    if (!isMigration(value)) {
      if (/^Migration\d/.test(key)) {
        const what =
          value === undefined
            ? 'undefined: a circular import, or a file that exports something else?'
            : 'not a migration class';
        offences.push(`${key} is ${what}`);
      }
      continue;
    }
    const name = ownName(value);
    const other = keys.get(value);
    if (other) {
      offences.push(`${other} and ${key} are one class: keep one of the two keys`);
    } else if (name !== undefined && name !== key) {
      offences.push(
        `${key} is a class whose own name field says ${name}: write \`${name}${key === 'default' ? '' : `: ${key}`}\``,
      );
    } else if (key === 'default' || looksMinified(key)) {
      offences.push(`${key} is no name to record a migration under: export the class under its own name`);
    }
    keys.set(value, key);
    list.push({ name: key, class: value });
  }
  if (offences.length > 0) {
    throw new ExplicitNameError(`explicitMigrations cannot name these migrations: ${offences.join('; ')}.`);
  }
  // the command line loads the config to create the first one
  if (list.length === 0 && !process.argv.includes('migration:create')) {
    throw new ExplicitNameError(
      "explicitMigrations found no migration class. Export each from migrations/index.ts: export { Migration20251221173216 } from './Migration20251221173216'.",
    );
  }
  return list.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isMigration(value: unknown): value is MigrationObject['class'] {
  if (typeof value !== 'function') {
    return false;
  }
  const prototype: unknown = value.prototype;
  // a second copy of @mikro-orm/migrations in the bundle makes `instanceof` fail
  return (
    prototype instanceof Migration ||
    (typeof prototype === 'object' && prototype !== null && 'up' in prototype && 'addSql' in prototype)
  );
}

function assertRenamed(renamed: Readonly<Record<string, string>>, names: ReadonlySet<string>): void {
  const offences = Object.entries(renamed).flatMap(([from, to]) => {
    if (!names.has(to)) {
      return `${from} should become ${to}, which is not in the list`;
    }
    return names.has(from) ? `${from} is the name of a migration in the list` : [];
  });
  if (offences.length > 0) {
    throw new ExplicitNameError(
      `explicitMigrations cannot use \`renamed\`: ${offences.join('; ')}. Map each recorded name to a migration of the list: renamed: { g: '${[...names][0]}' }.`,
    );
  }
}
