import type { Connection } from '@mikro-orm/core';
import type { AnyOrm } from './orm-source.js';

// The parts of MikroORM's SQL connections and of Kysely that the shared pool stands on. None of it is public API:
// test/sql-internals.test.ts holds each driver to it.

/** `AbstractSqlConnection` of `@mikro-orm/sql`. */
export interface SqlConnection extends Omit<Connection, 'connected' | 'options' | 'config' | 'type'> {
  connected: boolean;
  readonly options: Record<string, unknown>;
  readonly config: AnyOrm['config'];
  readonly type: 'read' | 'write';
  createKyselyDialect(options: unknown): Dialect | Promise<Dialect>;
  /** SQLite and libSQL: statements that a new handle needs. */
  getConnectionSetupSql?(): Promise<string[]>;
  attachDatabases?(): Promise<void>;
  /** The native handle of SQLite and libSQL. */
  database?: unknown;
}

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

/** Makes connections like this one, as it is now, that belong to no ORM: closing an ORM does not touch them. */
export function ownersLike({ constructor, config, options, type }: SqlConnection): () => SqlConnection {
  const Connection = constructor as new (...args: unknown[]) => SqlConnection;
  const copied = { ...options };
  return () => {
    const owner = new Connection(config, {}, type);
    // the constructor would clone them, and a PGlite instance among them
    Object.assign(owner.options, copied);
    return owner;
  };
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
