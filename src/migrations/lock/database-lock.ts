import { realpath } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { ownerLike } from '../../pool/owner-connection.js';
import { driverOptions, isOwnPool, sqlConnections, type SqlConnection } from '../../mikro-orm-internals.js';
import { identifyDatabase } from '../../process/database-identity.js';
import { OrmConfigError } from '../../errors.js';
import type { AnyOrm } from '../../orm-source.js';
import { within } from '../../util/time-limit.js';

/** A lock in a database, for one holder among all processes and machines. The database frees it when the holder dies. */
export interface DatabaseLock {
  tryAcquire(): Promise<boolean>;
  /** Who has it, and how to look or to end that: for whoever operates the database. */
  findHolder(): Promise<string>;
  /** Uses the connection behind the lock. */
  touch(): Promise<void>;
  /** Gives it up, also where it was not acquired. */
  close(): Promise<void>;
}

/**
 * Opens the lock of the database of `orm`, on a connection beside its pool; undefined where a database is this process's
 * alone (in memory, PGlite), has no lock of the kind, or is reached through a pool of the user's own.
 */
export async function openDatabaseLock(orm: AnyOrm): Promise<DatabaseLock | undefined> {
  const [[, connection]] = sqlConnections(orm) as [[string, SqlConnection]];
  const packages = orm.driver.getDependencies();
  if (isOwnPool(driverOptions(connection))) {
    return undefined;
  }
  if (packages.includes('pg')) {
    return sessionLock(connection, POSTGRESQL);
  }
  if (packages.includes('mysql2')) {
    return sessionLock(connection, MYSQL);
  }
  const { file } = identifyDatabase(orm);
  if (file === undefined) {
    return undefined;
  }
  // one lock for all names of a file; it may not be there yet
  return fileLock(`${await realpath(file).catch(() => file)}-migration-lock`);
}

/** What a server is asked on one session. Each query returns one row, what it says in the column `answer`. */
interface SessionQueries {
  /** Around a lock that ends with its transaction: with `rollback`, a try that failed leaves nothing open. */
  readonly begin?: string;
  readonly rollback?: string;
  /** True or 1 where the session has the lock now. It must not wait: a waiting one would hold up `create index concurrently`. */
  readonly acquire: string;
  /** Keeps what was acquired, whatever limits the server sets. */
  readonly keep?: string;
  readonly touch: string;
  readonly holder: string;
  readonly describe: (holder: string) => string;
}

// A lock of a transaction, as a pooler (PgBouncer) leaves a connection alone only for so long; one of the session would stay
// behind on a connection that others go on with. `show` takes no snapshot, which `create index concurrently` would wait for.
// The two numbers spell "miko" and "migr". Advisory locks are per database.
const POSTGRESQL: SessionQueries = {
  begin: 'begin isolation level read committed',
  rollback: 'rollback',
  acquire: `select pg_try_advisory_xact_lock(${0x6d696b6f}, ${0x6d696772}) as answer`,
  // a migration that computes lets no heartbeat through, and the server must not end the lock for that; the second setting
  // came with PostgreSQL 17
  keep: `select count(set_config(name, '0', true)) as answer from pg_settings
    where name in ('idle_in_transaction_session_timeout', 'transaction_timeout')`,
  touch: 'show transaction_isolation',
  holder: `select concat_ws(' ', pid, usename, client_addr, application_name) as answer from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())
    and classid::bigint = ${0x6d696b6f} and objid::bigint = ${0x6d696772}`,
  describe: holder => `the process behind PostgreSQL's backend ${holder} (pg_stat_activity) has it`,
};

// Names of these locks are the server's, and have 64 characters at the most.
const MYSQL_NAME = "concat('mikro-orm-web ', left(database(), 16), ' ', md5(database()))";
const MYSQL: SessionQueries = {
  acquire: `select get_lock(${MYSQL_NAME}, 0) as answer`,
  touch: 'select 1 as answer',
  holder: `select is_used_lock(${MYSQL_NAME}) as answer`,
  describe: holder => `the process behind connection ${holder} (SHOW PROCESSLIST) has it`,
};

/** A lock on a connection of its own: the pool may have a single one, and migrations need that. */
async function sessionLock(connection: SqlConnection, queries: SessionQueries): Promise<DatabaseLock> {
  const owner = ownerLike(connection, () => undefined)();
  const driver = (await owner.createKyselyDialect(driverOptions(owner))).createDriver();
  await driver.init();
  try {
    const session = await driver.acquireConnection();
    const ask = async (sql: string | undefined): Promise<unknown> => {
      if (sql === undefined) {
        return undefined;
      }
      const result = await session.executeQuery({ sql, parameters: [], query: { kind: 'RawNode' }, queryId: {} });
      return (result as { rows: { answer?: unknown }[] }).rows[0]?.answer;
    };
    let held = false;
    return {
      async tryAcquire() {
        await ask(queries.begin);
        held = Number(await ask(queries.acquire)) === 1;
        await ask(held ? queries.keep : queries.rollback);
        return held;
      },
      async findHolder() {
        const holder = await ask(queries.holder).catch(() => undefined);
        return holder ? queries.describe(String(holder)) : 'nobody has it now, or this user may not see who';
      },
      touch: async () => void (await ask(queries.touch)),
      async close() {
        // the server frees the lock with the session, too
        await (held && within(1_000, ask(queries.rollback)).catch(() => undefined));
        await driver.releaseConnection(session).catch(() => undefined);
        await driver.destroy();
      },
    };
  } catch (error) {
    await driver.destroy();
    throw error;
  }
}

/**
 * An exclusive lock on a database beside the file, which stays empty: one on the file itself would keep migrations out. The
 * system frees it with the process. Node's own SQLite serves libSQL, too, whose handles do not let go of a lock.
 */
function fileLock(path: string): DatabaseLock {
  const database = openFile(path);
  return {
    async tryAcquire() {
      try {
        database.exec('begin exclusive');
        return true;
      } catch (error) {
        if ((error as { errcode?: unknown }).errcode === 5) {
          return false; // SQLITE_BUSY
        }
        throw error;
      }
    },
    findHolder: async () => `one of the processes that have ${path} open (\`fuser\` lists them) has it`,
    touch: async () => undefined,
    close: async () => database.close(),
  };
}

function openFile(path: string): DatabaseSync {
  const sqlite = process.getBuiltinModule('node:sqlite');
  try {
    return new sqlite.DatabaseSync(path, { timeout: 0 });
  } catch (cause) {
    throw new OrmConfigError(`The lock for migrations cannot be opened, ${path}: let the app write to its folder.`, {
      cause,
    });
  }
}
