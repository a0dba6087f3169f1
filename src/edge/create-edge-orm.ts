import { MikroORM, type IDatabaseDriver, type Options } from '@mikro-orm/core';
import { assertAllListed } from '../entities/unlisted-entities.js';
import { OrmConfigError } from '../errors.js';
import { generateCode, isSql, replaceDialect, sqlConnections } from '../mikro-orm-internals.js';
import type { EntityList } from '../orm-source.js';
import type { DriverEm } from '../singleton/build-orm.js';
import type { EdgeDatabase } from './edge-database.js';
import { assertCodeGeneration, assertEdgeRuntime } from './edge-runtime.js';

/**
 * Builds the ORM of a worker, at module scope: synchronously and without I/O, with all code that MikroORM would generate
 * later, which Cloudflare Workers allow only while a worker starts. There is one ORM for an isolate, and none of its promises
 * or locks is shared between requests. Every helper that takes an `orm` takes it. It works in Node.js, too.
 *
 * @param config MikroORM's options, with `driver` and `dbName`: `SqliteDriver` of `@mikro-orm/sql` for D1, Durable Objects
 *   and libSQL, otherwise the driver of the database's own package
 * @param database {@link d1}, {@link durableObject} or {@link perRequest}
 * @throws `OrmConfigError` where the compatibility date or a flag is missing, where it is called in a request, and for
 *   a config without driver; `ExplicitNameError` for an entity that `explicitEntities` lacks
 *
 * @example
 * ```ts
 * import { SqliteDriver } from '@mikro-orm/sql';
 * import { env } from 'cloudflare:workers';
 * import { explicitEntities } from 'mikro-orm-web';
 * import { createEdgeOrm, d1 } from 'mikro-orm-web/edge';
 * import { Article, User } from './entities';
 *
 * export const orm = createEdgeOrm(
 *   { driver: SqliteDriver, dbName: 'app', entities: explicitEntities({ User, Article }) },
 *   d1(env.DB),
 * );
 * ```
 */
export function createEdgeOrm<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList>(
  config: Partial<Options<D, EM, E>>,
  database: EdgeDatabase,
): MikroORM<D, EM, E> {
  assertEdgeRuntime();
  if (!config?.driver) {
    throw new OrmConfigError(
      "The config has no `driver`. Name it: SqliteDriver of '@mikro-orm/sql' for D1, Durable Objects and libSQL, PostgreSqlDriver of '@mikro-orm/postgresql' for PostgreSQL.",
    );
  }
  if (typeof database?.dialectFor !== 'function') {
    throw new OrmConfigError(
      'createEdgeOrm needs a database: createEdgeOrm(config, d1(env.DB)), or durableObject() or perRequest(…).',
    );
  }
  assertCodeGeneration();
  const orm = new MikroORM<D, EM, E>({
    ...database.defaults,
    ...config,
    // the database is there, and a worker does not create one
    ensureDatabase: false,
    // a dialect, as a config for deploy steps has it, would win over the database
    driverOptions: plainOptions(config.driverOptions),
    discovery: { ...config.discovery, skipSyncDiscovery: false },
  } as Options<D, EM, E>);
  if (!isSql(orm)) {
    throw new OrmConfigError('createEdgeOrm needs a driver for SQL.');
  }
  for (const [, connection] of sqlConnections(orm)) {
    replaceDialect(connection, () => database.dialectFor(orm));
  }
  assertAllListed(orm);
  generateCode(orm);
  return orm;
}

function plainOptions(options: unknown): object {
  const isPlain =
    typeof options === 'object' && options !== null && Object.getPrototypeOf(options) === Object.prototype;
  return isPlain && !('createDriver' in options) ? options : {};
}
