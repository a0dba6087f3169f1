import { OrmClosedError, OrmWebError, PoolTimeoutError, QueryTimeoutError, SandboxError } from '../errors.js';
import {
  driverOptions,
  isOwnPool,
  isSql,
  replaceLendingDialect,
  sqlConnections,
  type SqlConnection,
} from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import type { PoolUser } from '../pool/pool-user.js';
import type { Primary, SharedPool } from '../pool/shared-pool.js';
import { warn } from '../util/warn.js';

/** Where an ORM finds its pools. */
export interface Pools {
  readonly name: string;
  /** Whether every use has to be refused from now on. */
  readonly isClosed: boolean;
  poolFor(orm: AnyOrm, role: string, user: PoolUser): SharedPool;
}

/**
 * Puts the connections of `orm` on shared pools, before their first query. A Kysely instance or dialect in
 * `driverOptions` is the user's own pool, and stays as it is.
 */
export function attachOrm(orm: AnyOrm, pools: Pools): void {
  if (!isSql(orm)) {
    return;
  }
  for (const [role, connection] of sqlConnections(orm)) {
    if (isOwnPool(driverOptions(connection))) {
      leaveAlone(connection, pools);
      warn(
        orm.config,
        `"${pools.name}" keeps the Kysely instance or dialect of its driverOptions: that pool is not shared, and yours to close.`,
      );
    } else {
      attachConnection(orm, role, connection, pools);
    }
  }
  passOwnErrors(orm);
}

/** MikroORM would make a DriverException of what a pool throws. */
function passOwnErrors(orm: AnyOrm): void {
  const convert = orm.driver.convertException.bind(orm.driver);
  orm.driver.convertException = error => (error instanceof OrmWebError ? (error as never) : convert(error));
}

function assertOpen(pools: Pools): void {
  if (pools.isClosed) {
    throw new OrmClosedError(pools.name);
  }
}

/** Keeps MikroORM from closing a pool that the user built, and closed ORMs from using it. */
function leaveAlone(connection: SqlConnection, pools: Pools): void {
  const ensureConnection = connection.ensureConnection.bind(connection);
  connection.close = async () => undefined;
  connection.ensureConnection = async () => {
    assertOpen(pools);
    await ensureConnection();
  };
}

/** Lends connections of the primary in place of a replica that is out of reach. */
function primaryOf(orm: AnyOrm, role: string, pools: Pools): Primary {
  const [[, connection]] = sqlConnections(orm) as [[string, SqlConnection]];
  const user = poolUser(connection, pools.name);
  return {
    async lease(isSingle, options) {
      await connection.ensureConnection(); // counts this ORM among the users of its pool
      return pools.poolFor(orm, 'write', user).lease(user, isSingle, options);
    },
    onAway: error =>
      warn(
        orm.config,
        `A replica of "${pools.name}" (${role}) cannot be reached, and the primary serves its reads: ${(error as Error).message}`,
      ),
  };
}

/** The user of a pool that stands for a connection of an ORM of this name. */
export const poolUser = (connection: SqlConnection, name: string): PoolUser => ({
  connection,
  errors: {
    closed: () => new OrmClosedError(name),
    overloaded: (ms, cause) => new PoolTimeoutError(name, ms, { cause }),
    slow: ms => new QueryTimeoutError(ms),
    sandbox: (message, cause) => new SandboxError(message, { cause }),
  },
});

function attachConnection(orm: AnyOrm, role: string, connection: SqlConnection, pools: Pools): void {
  const user = poolUser(connection, pools.name);
  let pool: SharedPool | undefined;
  let detach: (() => Promise<void>) | undefined;

  // called by MikroORM whenever it connects: after a reconnect, the settings may be another database's
  replaceLendingDialect(connection, () => {
    assertOpen(pools);
    const next = pools.poolFor(orm, role, user);
    // while mysql2's dialect is a promise, a second connect() comes here, too
    if (next !== pool || !detach) {
      void detach?.();
      detach = next.attach();
      pool = next;
    }
    return pool.dialect(user, role === 'write' ? undefined : primaryOf(orm, role, pools));
  });
  const close = connection.close.bind(connection);
  connection.close = async force => {
    const leave = detach;
    detach = undefined;
    await close(force);
    await leave?.();
  };
  connection.getNativeClient = async () => {
    await connection.ensureConnection();
    return pool!.nativeClient(user);
  };
  // the pool has done it
  connection.attachDatabases &&= async () => undefined;
  // dumps and user-defined functions of SQLite and libSQL go to this handle
  if ('database' in connection) {
    Object.defineProperty(connection, 'database', { get: () => pool?.handle(user), configurable: true });
  }
  // nor do those of PGlite go through a lease
  if ('database' in connection || orm.driver.getDependencies().includes('@electric-sql/pglite')) {
    const executeDump = connection.executeDump.bind(connection);
    connection.executeDump = async dump => {
      await connection.ensureConnection();
      await pool!.executeDump(user, dump, () => executeDump(dump));
    };
  }
}
