import { realpath } from 'node:fs/promises';
import { MigrationLockError } from '../../errors.js';
import { driverOptions, isOwnPool, sqlConnections, type SqlConnection } from '../../mikro-orm-internals.js';
import type { AnyOrm } from '../../orm-source.js';
import { identifyDatabase } from '../../process/database-identity.js';
import { within } from '../../util/time-limit.js';
import type { DatabaseLock, LockState } from './database-lock.js';
import { lookAtFileLock, openFileLock } from './file.js';
import { lookAtMysqlLock, openMysqlLock } from './mysql.js';
import { lookAtPostgresqlLock, openPostgresqlLock } from './postgresql.js';

/** How long to wait for another process that migrates, where `migrate.lockTimeout` does not say. In ms. */
export const DEFAULT_LOCK_TIMEOUT = 60_000;

/** How long to wait for a process that migrates, in ms, unless `migrate.lockTimeout` says otherwise. */
export const LOCK_TIMEOUT = 60_000;

/** Milliseconds between two tries, half of it at random: so that many processes do not ask in step. */
const POLL = 100;

/** How often the connection that holds the lock is asked: to learn that it is lost, and as servers drop idle ones. In ms. */
const HEARTBEAT = 1_000;

/** How long it may take to answer, in ms. */
const PATIENCE = 5_000;

/**
 * Runs `work` while no other process does, on any machine: the lock is the database's own, and goes with the process that
 * holds it. Waits up to `timeout` ms for it, and stops waiting when `assertOpen` throws. If the lock's connection dies, the
 * signal that `work` gets is aborted.
 */
export async function withMigrationLock(
  orm: AnyOrm,
  timeout = DEFAULT_LOCK_TIMEOUT,
  assertOpen: () => void,
  work: (lost: AbortSignal) => Promise<void>,
): Promise<void> {
  const lock = await openDatabaseLock(orm);
  const lost = new AbortController();
  if (!lock) {
    return work(lost.signal);
  }
  const name = orm.config.get('contextName');
  let heartbeat: NodeJS.Timeout | undefined;
  try {
    const end = performance.now() + timeout;
    while (!(await lock.tryAcquire())) {
      assertOpen();
      const left = end - performance.now();
      if (left <= 0) {
        throw new MigrationLockError(
          `Another process migrates the database of "${name}", and was not done after ${timeout} ms: \`detail\` says where to find it. If it hangs, end it; if migrations take that long, raise migrate.lockTimeout.`,
          { detail: await lock.findHolder() },
        );
      }
      await new Promise(resolve => setTimeout(resolve, Math.min(left, (POLL * (1 + Math.random())) / 2)));
    }
    assertOpen();
    heartbeat = setInterval(() => {
      within(PATIENCE, lock.touch()).catch((cause: unknown) => {
        clearInterval(heartbeat);
        lost.abort(
          new MigrationLockError(
            `The connection that held the lock for the migrations of "${name}" died, so they were stopped: another process may run them now. Start again.`,
            { cause },
          ),
        );
      });
    }, HEARTBEAT).unref();
    await work(lost.signal).catch((error: unknown) => {
      throw lost.signal.reason ?? error;
    });
  } finally {
    clearInterval(heartbeat);
    // of a server that is away, say: what was thrown before tells more
    await within(PATIENCE, lock.close()).catch(() => undefined);
  }
}

/** Whether a process migrates the database of `orm`, and where to find it. Takes no lock. */
export async function lookAtMigrationLock(orm: AnyOrm): Promise<LockState> {
  const [[, connection]] = sqlConnections(orm) as [[string, SqlConnection]];
  const packages = orm.driver.getDependencies();
  if (isOwnPool(driverOptions(connection))) {
    return { held: false };
  }
  if (packages.includes('pg')) {
    return lookAtPostgresqlLock(connection);
  }
  if (packages.includes('mysql2')) {
    return lookAtMysqlLock(connection);
  }
  const { file } = identifyDatabase(orm);
  return file === undefined ? { held: false } : lookAtFileLock(await realpath(file).catch(() => file));
}

/**
 * Opens the lock of the database of `orm`, on a connection beside its pool; undefined where a database is this process's
 * alone (in memory, PGlite), has no lock of the kind, or is reached through a pool of the user's own.
 */
async function openDatabaseLock(orm: AnyOrm): Promise<DatabaseLock | undefined> {
  const [[, connection]] = sqlConnections(orm) as [[string, SqlConnection]];
  const packages = orm.driver.getDependencies();
  if (isOwnPool(driverOptions(connection))) {
    return undefined;
  }
  if (packages.includes('pg')) {
    return openPostgresqlLock(connection);
  }
  if (packages.includes('mysql2')) {
    return openMysqlLock(connection);
  }
  const { file } = identifyDatabase(orm);
  // one lock for all names of a file; it may not be there yet
  return file === undefined ? undefined : openFileLock(await realpath(file).catch(() => file));
}
