import type { SqlConnection } from '../../mikro-orm-internals.js';
import type { PoolLimits } from '../../pool/pool-options.js';
import type { DatabaseLock, LockState } from './database-lock.js';
import { lookAtSession, openSessionLock, type SessionQueries } from './session-lock.js';

// Names of these locks are the server's, and have 64 characters at the most.
const NAME = "concat('mikro-orm-web ', left(database(), 16), ' ', md5(database()))";
const QUERIES: SessionQueries = {
  acquire: `select get_lock(${NAME}, 0) as answer`,
  // the server has 8 hours by default, and a holder that is gone without a word would keep the lock for as long; one that computes
  // lets no heartbeat through meanwhile
  keep: 'set session wait_timeout = 300',
  touch: 'select 1 as answer',
  holder: `select is_used_lock(${NAME}) as answer`,
  describe: holder => `the process behind connection ${holder} (SHOW PROCESSLIST) holds it`,
};

/** Opens a named lock (`GET_LOCK`) of MySQL or MariaDB. */
export const openMysqlLock = (connection: SqlConnection, limits: PoolLimits): Promise<DatabaseLock> =>
  openSessionLock(connection, { packages: ['mysql2'], limits, queries: QUERIES });

/** Looks at that lock. */
export const lookAtMysqlLock = (connection: SqlConnection): Promise<LockState> => lookAtSession(connection, QUERIES);
