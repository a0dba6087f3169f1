import { realpath } from 'node:fs/promises';
import { diagnostics } from '../../channels.js';
import { MigrationLockError } from '../../errors.js';
import { driverOptions, isOwnPool, sqlConnections, type SqlConnection } from '../../mikro-orm-internals.js';
import type { AnyOrm } from '../../orm-source.js';
import { resolvePoolOptions, type PoolLimits } from '../../pool/pool-options.js';
import { identifyDatabase } from '../../process/database-identity.js';
import { within } from '../../util/time-limit.js';
import type { DatabaseLock, LockState } from './database-lock.js';
import { lookAtFileLock, openFileLock } from './file.js';
import { HeldLock } from './held-lock.js';
import { lookAtMysqlLock, openMysqlLock } from './mysql.js';
import { lookAtPostgresqlLock, openPostgresqlLock } from './postgresql.js';

/** How long to wait for another process that migrates, where `migrate.lockTimeout` does not say. In ms. */
export const DEFAULT_LOCK_TIMEOUT = 60_000;

/** Milliseconds between two tries, half of it at random: so that many processes do not ask in step. */
const POLL = 100;

/** How long a last try may take, and the end, in ms. */
const PATIENCE = 2_000;

/** How to wait for the lock. */
export interface MigrationLockOptions {
  /** Milliseconds to wait for the process that has it. @default 60000 */
  readonly timeout?: number | undefined;
  /** Limits of the connection behind it. */
  readonly limits?: PoolLimits | undefined;
  /** Called while it waits: throws where there is nothing to wait for any more. */
  readonly assertOpen?: (() => void) | undefined;
}

/** What a run needs to know of the lock. */
export type RunGuard = Pick<HeldLock, 'lost' | 'assertHeld'>;

/**
 * Runs `work` while no other process does, on any machine: the lock is the database's own, and goes with the process that
 * holds it.
 */
export async function withMigrationLock(
  orm: AnyOrm,
  options: MigrationLockOptions,
  work: (guard: RunGuard) => Promise<void>,
): Promise<void> {
  const begin = performance.now();
  const lock = await openDatabaseLock(orm, options.limits ?? resolvePoolOptions());
  if (!lock) {
    return work({ lost: new AbortController().signal, assertHeld: async () => undefined });
  }
  await withLock(lock, orm.config.get('contextName'), { ...options, begin }, work);
}

/** The same with a lock that was opened for it, of the database that is called `name`. */
export async function withLock(
  lock: DatabaseLock,
  name: string,
  {
    timeout = DEFAULT_LOCK_TIMEOUT,
    assertOpen = () => undefined,
    begin = performance.now(),
  }: MigrationLockOptions & { readonly begin?: number },
  work: (guard: RunGuard) => Promise<void>,
): Promise<void> {
  const end = begin + timeout;
  const left = (): number => end - performance.now();
  let held: HeldLock | undefined;
  let heldSince: number | undefined;
  let isWaiting = false;
  const tellLost = (): void => diagnostics.migrationLockLost.publish({ name });
  try {
    const noAnswer = (): Error =>
      new MigrationLockError(
        `The database of "${name}" does not answer, so that nobody can tell whether another process migrates it. Start again when it does.`,
      );
    while (!(await within(Math.max(left(), PATIENCE), lock.tryAcquire(), noAnswer))) {
      assertOpen();
      if (!isWaiting) {
        isWaiting = true;
        diagnostics.migrationLockWaiting.publish({ name });
      }
      if (left() <= 0) {
        throw new MigrationLockError(
          `Another process migrates the database of "${name}", and was not done after ${timeout} ms: \`detail\` says where to find it. If it hangs, end it; if migrations take that long, raise migrate.lockTimeout.`,
          { detail: await within(PATIENCE, lock.findHolder(), noAnswer) },
        );
      }
      await new Promise(resolve => setTimeout(resolve, Math.min(left(), (POLL * (1 + Math.random())) / 2)));
    }
    assertOpen();
    held = new HeldLock(lock, cause => lockLost(name, cause));
    heldSince = performance.now();
    diagnostics.migrationLockHeld.publish({ name, wait: heldSince - begin });
    const { lost } = held;
    lost.addEventListener('abort', tellLost);
    await work(held).catch((error: unknown) => {
      throw lost.reason ?? error;
    });
  } finally {
    held?.end();
    held?.lost.removeEventListener('abort', tellLost); // its connection is about to be closed
    // of a server that is away, say: what was thrown before tells more
    await within(PATIENCE, lock.close()).catch(() => undefined);
    if (heldSince !== undefined) {
      diagnostics.migrationLockReleased.publish({ name, duration: performance.now() - heldSince });
    }
  }
}

function lockLost(name: string, cause: unknown): MigrationLockError {
  return new MigrationLockError(
    `The connection that held the lock for the migrations of "${name}" died, so they were stopped: another process may run them now. Start again.`,
    { cause },
  );
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
async function openDatabaseLock(orm: AnyOrm, limits: PoolLimits): Promise<DatabaseLock | undefined> {
  const [[, connection]] = sqlConnections(orm) as [[string, SqlConnection]];
  const packages = orm.driver.getDependencies();
  if (isOwnPool(driverOptions(connection))) {
    return undefined;
  }
  if (packages.includes('pg')) {
    return openPostgresqlLock(connection, limits);
  }
  if (packages.includes('mysql2')) {
    return openMysqlLock(connection, limits);
  }
  const { file } = identifyDatabase(orm);
  // one lock for all names of a file; it may not be there yet
  return file === undefined ? undefined : openFileLock(await realpath(file).catch(() => file));
}
