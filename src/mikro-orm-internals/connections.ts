import type { Connection } from '@mikro-orm/core';
import type { AnyOrm } from '../orm-source.js';

/** `AbstractSqlConnection` of `@mikro-orm/sql`. */
export interface SqlConnection extends Omit<Connection, 'connected' | 'options' | 'config' | 'type'> {
  connected: boolean;
  readonly options: Record<string, unknown>;
  readonly config: AnyOrm['config'];
  readonly type: 'read' | 'write';
  getClient(): Kysely;
  createKyselyDialect(options: unknown): Dialect | Promise<Dialect>;
  /** Makes the Kysely instance that `getClient()` returns. */
  createKysely(): void | Promise<void>;
  /** SQLite and libSQL: statements that a new handle needs. */
  getConnectionSetupSql?(): Promise<string[]>;
  attachDatabases?(): Promise<void>;
  /** The pool of a server's driver, or the handle. */
  getNativeClient(): Promise<unknown>;
  /** The native handle of SQLite and libSQL. */
  database?: unknown;
}

/** A Kysely instance: all of a pool, or one connection of it. */
export interface Kysely {
  connection(): { execute<T>(work: (client: Kysely) => Promise<T>): Promise<T> };
  getExecutor(): { provideConnection: ProvideConnection };
}

/** Lends `work` a connection while it runs. */
export type ProvideConnection = <T>(
  work: (connection: DatabaseConnection) => Promise<T>,
  options?: { readonly signal?: AbortSignal },
) => Promise<T>;

/** `Dialect` of Kysely. */
export interface Dialect {
  createAdapter(): { readonly supportsMultipleConnections?: boolean };
  createQueryCompiler(): unknown;
  createIntrospector(db: unknown): unknown;
  createDriver(): KyselyDriver;
}

/** `Driver` of Kysely. */
export interface KyselyDriver {
  init(options?: unknown): Promise<void>;
  acquireConnection(options?: unknown): Promise<DatabaseConnection>;
  releaseConnection(connection: DatabaseConnection, options?: unknown): Promise<void>;
  beginTransaction(connection: DatabaseConnection, settings: unknown): Promise<void>;
  commitTransaction(connection: DatabaseConnection): Promise<void>;
  rollbackTransaction(connection: DatabaseConnection): Promise<void>;
  savepoint?(connection: DatabaseConnection, name: unknown, compile: unknown): Promise<void>;
  rollbackToSavepoint?(connection: DatabaseConnection, name: unknown, compile: unknown): Promise<void>;
  releaseSavepoint?(connection: DatabaseConnection, name: unknown, compile: unknown): Promise<void>;
  destroy(options?: unknown): Promise<void>;
}

/** `DatabaseConnection` of Kysely. */
export interface DatabaseConnection {
  executeQuery(query: unknown, options?: unknown): Promise<unknown>;
  streamQuery(query: unknown, chunkSize?: number, options?: unknown): AsyncIterableIterator<unknown>;
  cancelQuery?(...args: unknown[]): Promise<unknown>;
  collectSessionInfo?(...args: unknown[]): Promise<unknown>;
  killSession?(...args: unknown[]): Promise<unknown>;
}

/** The connections of an ORM by role: `write`, then `read 0`, `read 1` … */
export function sqlConnections(orm: AnyOrm): [role: string, connection: SqlConnection][] {
  const { connection, replicas } = orm.driver as unknown as { connection: SqlConnection; replicas: SqlConnection[] };
  return [['write', connection], ...replicas.map((replica, i): [string, SqlConnection] => [`read ${i}`, replica])];
}

/** A driver that is built on `@mikro-orm/sql`; MongoDB is not. */
export function isSql(orm: AnyOrm): boolean {
  return 'createKyselyDialect' in orm.driver.getConnection();
}

/** A Kysely instance or a dialect: a pool that the user built, and closes. */
export function isOwnPool(options: unknown): boolean {
  return typeof options === 'object' && options !== null && ('createDriver' in options || 'getExecutor' in options);
}

/** The `driverOptions` that MikroORM would hand to its own dialect. A function is called once: it may open something. */
export function driverOptions(connection: SqlConnection): unknown {
  const options = connection.options['driverOptions'] ?? connection.config.get('driverOptions');
  if (typeof options !== 'function') {
    return options;
  }
  return (connection.options['driverOptions'] = (options as () => unknown)());
}

/**
 * Keeps `onPoolCreated` from being called for a pool of this connection: it is for the one that serves requests. Vercel's
 * `attachDatabasePool` would keep a function alive for those of a migration, too.
 */
export function dropPoolHook(connection: SqlConnection): void {
  const options = driverOptions(connection);
  if (typeof options === 'object' && options !== null && 'onPoolCreated' in options) {
    const { onPoolCreated: _, ...others } = options;
    connection.options['driverOptions'] = others;
  }
}

/** MikroORM's own dialect for a connection; a promise with mysql2, whose password may be one. */
export function buildDialect(connection: SqlConnection): Dialect | Promise<Dialect> {
  return connection.createKyselyDialect(driverOptions(connection));
}

/** Makes a connection take this dialect, whenever it connects, in place of its own. */
export function replaceDialect(connection: SqlConnection, dialect: () => Dialect | Promise<Dialect>): void {
  connection.createKyselyDialect = dialect;
}

/** A dialect that lends connections by itself. */
export interface LendingDialect extends Dialect {
  /** Undefined while Kysely has not opened its driver, or has closed it. */
  readonly provideConnection: ProvideConnection | undefined;
}

/**
 * The same with a dialect that lends connections by itself. Kysely puts a driver of its own in front of a dialect's, which
 * keeps each connection object that it has seen in a WeakSet, until the next full garbage collection: with an object for each
 * borrower, that costs more than all the rest of lending one. It stays where a signal may end the wait for a connection.
 */
export function replaceLendingDialect(
  connection: SqlConnection,
  dialect: () => LendingDialect | Promise<LendingDialect>,
): void {
  let current: LendingDialect | Promise<LendingDialect>;
  replaceDialect(connection, () => (current = dialect()));
  const createKysely = connection.createKysely.bind(connection);
  const lend = (lending: LendingDialect): void => {
    const executor = connection.getClient().getExecutor();
    const provideConnection = executor.provideConnection.bind(executor);
    executor.provideConnection = (work, options) =>
      ((!options?.signal && lending.provideConnection) || provideConnection)(work, options);
  };
  connection.createKysely = () => {
    const created = createKysely();
    return created ? created.then(async () => lend(await current)) : lend(current as LendingDialect);
  };
}

/** MikroORM's own dialect with these options, of a connection of its own: closing it leaves the ORM's alone. */
export function ownDialect(connection: SqlConnection, options: Record<string, unknown>): Dialect | Promise<Dialect> {
  const Connection = connection.constructor as new (config: AnyOrm['config']) => SqlConnection;
  return new Connection(connection.config).createKyselyDialect(options);
}
