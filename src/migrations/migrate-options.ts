import { OrmConfigError } from '../errors.js';
import type { AnyOrm } from '../orm-source.js';
import { whileMigrating } from '../process/running-migrations.js';

/** `migrate` of `createOrmSingleton`. */
export interface MigrateOptions {
  /** How long to wait for another process that migrates, in ms. @default 60_000 */
  lockTimeout?: number | undefined;
  /** Where to run, with PostgreSQL, PGlite, MySQL or MariaDB. @default the one schema of the config */
  schemas?: readonly string[] | (() => Promise<readonly string[]>) | undefined;
}

/** A schema to migrate; undefined for the config's own. */
export type RunSchema = string | undefined;

/** What PostgreSQL tells apart, in bytes: it cuts off the rest of a longer name. */
const LONGEST = 63;

/** Finds the schemas to migrate, and refuses names that would lead elsewhere. */
export async function resolveSchemas(
  orm: AnyOrm,
  migrate: boolean | MigrateOptions | undefined,
): Promise<readonly RunSchema[]> {
  const { schemas } = migrate instanceof Object ? migrate : {};
  if (schemas === undefined) {
    return [undefined];
  }
  const isAsked = typeof schemas === 'function';
  // as in a migration, asking this ORM would wait for itself
  const names = isAsked ? await whileMigrating(orm.config.get('contextName'), schemas) : schemas;
  if (!Array.isArray(names) || (names.length === 0 && !isAsked)) {
    throw new OrmConfigError(
      "migrate.schemas takes a list of names, or a function that resolves with one: migrate: { schemas: ['tenant_a', 'tenant_b'] }. Leave it out to migrate the schema of the config.",
    );
  }
  const bad = names.filter((name, i) => !isName(name) || names.indexOf(name) !== i);
  if (bad.length > 0) {
    throw new OrmConfigError(
      `migrate.schemas has names that are empty, occur twice, or cannot be a schema's: ${bad.map(name => JSON.stringify(name)).join(', ')}. Nothing was run. A name has up to ${LONGEST} bytes, no dot, and no space at its ends.`,
    );
  }
  const platform = orm.driver.getPlatform() as unknown as PlatformInternals;
  if (!platform.getSchemaHelper().supportsMigrationSchema?.()) {
    throw new OrmConfigError(
      'migrate.schemas needs a database with schemas: PostgreSQL, PGlite, MySQL or MariaDB. For one file each, give each a config: createOrmSingleton({ ...config, dbName }, { name, migrate: true }).',
    );
  }
  return names as readonly string[];
}

function isName(name: unknown): boolean {
  // `*` is MikroORM's for any schema
  return (
    typeof name === 'string' &&
    name !== '*' &&
    Buffer.byteLength(name) <= LONGEST &&
    /^[^.\p{Cc}]+$/u.test(name) &&
    name === name.trim()
  );
}

// Not public API: test/migrations/schemas.test.ts holds MikroORM to it.
interface PlatformInternals {
  getSchemaHelper(): { supportsMigrationSchema?(): boolean };
}
