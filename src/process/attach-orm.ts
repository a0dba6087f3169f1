import { OrmClosedError } from '../errors.js';
import type { NamedOrm } from './shared-database.js';
import { createSharedPool, type SharedPool } from '../pool/shared-pool.js';
import {
  driverOptions,
  isOwnPool,
  isSql,
  ownersLike,
  sqlConnections,
  type SqlConnection,
} from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import { warn } from '../util/warn.js';

/**
 * Puts the connections of `orm` on the pools of its name, before their first query. A Kysely instance or dialect in
 * `driverOptions` is the user's own pool, and stays as it is.
 */
export function attachPools(orm: AnyOrm, named: NamedOrm): void {
  if (!isSql(orm)) {
    return;
  }
  const assertOpen = (): void => {
    if (named.closed) {
      throw new OrmClosedError(named.name);
    }
  };
  for (const [role, connection] of sqlConnections(orm)) {
    if (isOwnPool(driverOptions(connection))) {
      leaveAlone(connection, assertOpen);
      warn(
        orm.config,
        `"${named.name}" keeps the Kysely instance or dialect of its driverOptions: that pool is not shared, and yours to close.`,
      );
      continue;
    }
    let pool = named.pools.get(role);
    if (!pool) {
      pool = createSharedPool(ownersLike(connection), named.file);
      named.pools.set(role, pool);
    }
    attach(connection, pool, assertOpen);
  }
  passOwnErrors(orm);
}

/** MikroORM would make a DriverException of what a closed pool throws. */
function passOwnErrors(orm: AnyOrm): void {
  const convert = orm.driver.convertException.bind(orm.driver);
  orm.driver.convertException = error => (error instanceof OrmClosedError ? (error as never) : convert(error));
}

/** Keeps MikroORM from closing a pool that the user built, and closed ORMs from using it. */
function leaveAlone(connection: SqlConnection, assertOpen: () => void): void {
  const ensureConnection = connection.ensureConnection.bind(connection);
  connection.close = async () => undefined;
  connection.ensureConnection = async () => {
    assertOpen();
    await ensureConnection();
  };
}

function attach(connection: SqlConnection, pool: SharedPool, assertOpen: () => void): void {
  connection.createKyselyDialect = () => {
    // thrown here, and not by the pool, so that its class is the one that this module graph knows
    assertOpen();
    return pool.dialect();
  };
  connection.getNativeClient = async () => (await pool.owner()).getNativeClient();
  if (pool.connection.getConnectionSetupSql) {
    // the pool has done it
    connection.attachDatabases = async () => undefined;
  }
  // dumps, user-defined functions and native access of SQLite and libSQL go to this handle
  if ('database' in connection) {
    Object.defineProperty(connection, 'database', { get: () => pool.connection.database, configurable: true });
  }
}
