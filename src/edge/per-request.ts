import {
  ownDialect,
  sqlConnections,
  type DatabaseConnection,
  type Dialect,
  type KyselyDriver,
} from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import type { EdgeDatabase, KyselyDialect } from './edge-database.js';
import { currentRequest } from './in-request.js';

/** Builds the dialect of the MikroORM driver in the config, with its type parsers, on the options of its client. */
export type DriverDialect = (options: Record<string, unknown>) => KyselyDialect | Promise<KyselyDialect>;

/**
 * A database that each request opens for itself, on its first query, and closes at its end: what sockets on Cloudflare
 * Workers need, which belong to the request that opened them. Requests run within {@link inRequest}. A pooler such as
 * Hyperdrive in front of the database keeps this cheap.
 *
 * @param create makes a dialect; called once a request, never at module scope, so that bindings can be read in it. It gets a
 *   function that makes the dialect of the config's own driver: PostgreSQL by `connectionString`, MySQL by `host`, `user` …
 *
 * @example
 * ```ts
 * import { PostgreSqlDriver } from '@mikro-orm/postgresql';
 * import { env } from 'cloudflare:workers';
 * import { createEdgeOrm, perRequest } from 'mikro-orm-web/edge';
 * import { entities } from './entities';
 *
 * export const orm = createEdgeOrm(
 *   { driver: PostgreSqlDriver, dbName: 'app', entities },
 *   perRequest(driverDialect => driverDialect({ connectionString: env.HYPERDRIVE.connectionString, max: 5 })),
 * );
 * ```
 *
 * @example A dialect of Kysely: libSQL, by HTTP.
 * ```ts
 * import { createClient } from '@libsql/client/web';
 * import { LibsqlDialect } from '@libsql/kysely-libsql';
 * import { SqliteDriver } from '@mikro-orm/sql';
 * import { env } from 'cloudflare:workers';
 * import { createEdgeOrm, perRequest } from 'mikro-orm-web/edge';
 * import { entities } from './entities';
 *
 * export const orm = createEdgeOrm(
 *   { driver: SqliteDriver, dbName: 'app', entities },
 *   perRequest(() => new LibsqlDialect({ client: createClient({ url: env.LIBSQL_URL, authToken: env.LIBSQL_TOKEN }) })),
 * );
 * ```
 */
export function perRequest(
  create: (driverDialect: DriverDialect) => KyselyDialect | Promise<KyselyDialect>,
): EdgeDatabase {
  // one for each ORM, so that a request opens its database once
  const drivers = new WeakMap<AnyOrm, PerRequestDriver>();
  return {
    defaults: {},
    dialectFor(orm) {
      let driver = drivers.get(orm);
      if (!driver) {
        drivers.set(orm, (driver = new PerRequestDriver(() => create(driverDialectOf(orm)))));
      }
      const dialect = driver.dialect();
      return dialect instanceof Promise ? dialect.then(own => facade(own, driver)) : facade(dialect, driver);
    },
  };
}

/** A dialect for all requests: what compiles queries needs no connection, and is that of the first one. */
function facade(dialect: Dialect, driver: KyselyDriver): Dialect {
  return {
    createAdapter: () => Object.create(dialect.createAdapter(), { supportsMultipleConnections: { value: true } }),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createIntrospector: db => dialect.createIntrospector(db),
    createDriver: () => driver,
  };
}

function driverDialectOf(orm: AnyOrm): DriverDialect {
  return options => ownDialect(sqlConnections(orm)[0]![1], options);
}

/** Hands each call to the driver of the request whose connection it is about. */
class PerRequestDriver implements KyselyDriver {
  readonly #create: () => Dialect | Promise<Dialect>;
  readonly #owners = new WeakMap<DatabaseConnection, KyselyDriver>();

  constructor(create: () => Dialect | Promise<Dialect>) {
    this.#create = create;
  }

  /** That of the running request. */
  dialect(): Dialect | Promise<Dialect> {
    return currentRequest().dialectOf(this, this.#create);
  }

  async init(): Promise<void> {}
  async destroy(): Promise<void> {}

  async acquireConnection(options?: unknown): Promise<DatabaseConnection> {
    const driver = await currentRequest().open(this, this.#create);
    const connection = await driver.acquireConnection(options);
    this.#owners.set(connection, driver);
    return connection;
  }

  releaseConnection(connection: DatabaseConnection, options?: unknown): Promise<void> {
    return this.#owner(connection).releaseConnection(connection, options);
  }

  beginTransaction(connection: DatabaseConnection, settings: unknown): Promise<void> {
    return this.#owner(connection).beginTransaction(connection, settings);
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#owner(connection).commitTransaction(connection);
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#owner(connection).rollbackTransaction(connection);
  }

  async savepoint(connection: DatabaseConnection, name: unknown, compile: unknown): Promise<void> {
    await (this.#owner(connection).savepoint?.(connection, name, compile) ?? run(connection, `savepoint ${name}`));
  }

  async rollbackToSavepoint(connection: DatabaseConnection, name: unknown, compile: unknown): Promise<void> {
    const own = this.#owner(connection).rollbackToSavepoint?.(connection, name, compile);
    await (own ?? run(connection, `rollback to savepoint ${name}`));
  }

  async releaseSavepoint(connection: DatabaseConnection, name: unknown, compile: unknown): Promise<void> {
    const own = this.#owner(connection).releaseSavepoint?.(connection, name, compile);
    await (own ?? run(connection, `release savepoint ${name}`));
  }

  #owner(connection: DatabaseConnection): KyselyDriver {
    return this.#owners.get(connection)!;
  }
}

/** What drivers outside of Kysely lack, libSQL's for one: MikroORM names savepoints `trx1`, `trx2` … */
function run(connection: DatabaseConnection, sql: string): Promise<unknown> {
  return connection.executeQuery({ sql, parameters: [], query: { kind: 'RawNode' }, queryId: {} });
}
