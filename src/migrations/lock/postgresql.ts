import type { SqlConnection } from '../../mikro-orm-internals.js';
import type { PoolLimits } from '../../pool/pool-options.js';
import type { DatabaseLock, LockState } from './database-lock.js';
import { lookAtSession, openSessionLock, type SessionQueries } from './session-lock.js';

// A lock of a transaction, as a pooler (PgBouncer) leaves a connection alone only for so long; one of the session would stay
// behind on a connection that others go on with. `show` takes no snapshot, which `create index concurrently` would wait for.
// The two numbers spell "miko" and "migr". Advisory locks are per database.
const QUERIES: SessionQueries = {
  begin: 'begin isolation level read committed',
  rollback: 'rollback',
  acquire: `select pg_try_advisory_xact_lock(${0x6d696b6f}, ${0x6d696772}) as answer`,
  // A migration that computes lets no heartbeat through, and the server must not end the lock for that; a machine that is gone
  // does not answer TCP, and it must. The second setting came with PostgreSQL 17. The last four are seconds, but for the
  // last, ms; the server ignores them on a Unix socket.
  keep: `select count(set_config(name, value, true)) as answer from pg_settings join (values
    ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'), ('tcp_keepalives_idle', '5'),
    ('tcp_keepalives_interval', '2'), ('tcp_keepalives_count', '5'), ('tcp_user_timeout', '15000')) as own (name, value) using (name)`,
  touch: 'show transaction_isolation',
  holder: `select concat_ws(' ', pid, usename, client_addr, application_name) as answer from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())
    and classid::bigint = ${0x6d696b6f} and objid::bigint = ${0x6d696772}`,
  describe: holder => `the process behind PostgreSQL's backend ${holder} (pg_stat_activity) holds it`,
};

/** Opens an advisory lock of PostgreSQL. */
export const openPostgresqlLock = (connection: SqlConnection, limits: PoolLimits): Promise<DatabaseLock> =>
  openSessionLock(connection, { packages: ['pg'], limits, queries: QUERIES });

/** Looks at that lock. */
export const lookAtPostgresqlLock = (connection: SqlConnection): Promise<LockState> =>
  lookAtSession(connection, QUERIES);
