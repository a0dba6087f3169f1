import type { IDatabaseDriver, MikroORM, Options } from '@mikro-orm/core';
import { assertNumber } from '../util/assert-number.js';
import { attachPools } from '../process/attach-orm.js';
import { assertRuntime, buildOrm, resolveConfig, type DriverEm, type OrmConfig } from './build-orm.js';
import { closeNamedOrm } from '../process/close-orm.js';
import { OrmClosedError } from '../errors.js';
import { checkHealth, unhealthy, type MapError, type OrmHealth } from './health.js';
import { assertMigratable, isMigrated, migrationsKey } from '../migrations/pending-migrations.js';
import { withMigrationLock } from '../migrations/lock/migration-lock.js';
import { isProduction, joinNamedOrm, untilClosed } from '../process/named-orm.js';
import { answer, isAlreadyThere, openDatabase, type ConnectOptions } from './connect.js';
import type { AnyOrm, EntityList } from '../orm-source.js';
import { createNamedOrm, rememberOrm, runOnce, type NamedOrm } from '../process/shared-database.js';
import { assertAllListed } from '../entities/unlisted-entities.js';
import { weakenRegistry } from '../process/weak-registry.js';

/** How long to wait for a process that migrates, in ms. */
const LOCK_TIMEOUT = 60_000;

/** An ORM on the pool of its name, not connected yet. */
export interface AttachedOrm<ORM extends AnyOrm = AnyOrm> {
  readonly orm: ORM;
  readonly named: NamedOrm;
  /** Connects, and migrates where asked to; what concerns the database itself happens once a process. */
  open(options: { migrate?: unknown; connect?: ConnectOptions | undefined }): Promise<void>;
  check(): Promise<OrmHealth>;
  /** Drains for `drain` ms, then closes the name in every module graph. */
  close(drain: number): Promise<void>;
}

/** Builds the ORM of a module graph and puts it on the pool of the process. */
export async function attachOrm<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList>(
  config: OrmConfig<D, EM, E>,
  overrides: Partial<Options<D, EM, E>>,
  { created, name, mapError }: { created: number; name: string | undefined; mapError: MapError },
): Promise<AttachedOrm<MikroORM<D, EM, E>>> {
  assertRuntime();
  const given = await resolveConfig(config, overrides);
  const settings = { ...given, contextName: name ?? given.contextName ?? 'default' };
  if (!isProduction()) {
    weakenRegistry();
  }
  await untilClosed(settings.contextName, created);
  const orm = await buildOrm(settings);
  try {
    const named = joinNamedOrm(orm, created, name !== undefined);
    assertAllListed(orm);
    const open = prepare(orm, named, settings, mapError);
    attachPools(orm, named);
    rememberOrm(orm, named);
    return {
      orm,
      named,
      open,
      check: async () =>
        named.closing ? unhealthy(new OrmClosedError(named.name), mapError) : checkHealth(orm, named.file, mapError),
      close: drain => closeNamedOrm(named, drain),
    };
  } catch (error) {
    await orm.close().catch(() => undefined);
    throw error;
  }
}

/** Returns what opens the ORM. What MikroORM would do to the database on each connect is done there, once a process. */
function prepare<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList>(
  orm: MikroORM<D, EM, E>,
  named: NamedOrm,
  settings: Partial<Options<D, EM, E>>,
  mapError: MapError,
): AttachedOrm['open'] {
  const ensureDatabase = orm.config.get('ensureDatabase');
  const ensureIndexes = orm.config.get('ensureIndexes');
  orm.config.set('ensureDatabase', false);
  orm.config.set('ensureIndexes', false);

  /** Runs `work` on a throw-away ORM: on the pools of `attach`, or else on connections that MikroORM opens. */
  async function aside(
    work: (other: AnyOrm) => Promise<unknown>,
    attach: NamedOrm | undefined,
    overrides?: Partial<Options<D, EM, E>>,
  ): Promise<void> {
    if (named.pools.size === 0) {
      // a pool of the user's, which another ORM would close with itself, or no SQL
      await work(orm);
      return;
    }
    const other = await buildOrm({ ...settings, ...overrides });
    try {
      if (attach) {
        attachPools(other, attach);
      }
      await work(other);
    } finally {
      await other.close();
    }
  }

  const assertNotClosing = (): void => {
    if (named.closing) {
      throw new OrmClosedError(named.name);
    }
  };

  async function runMigrations(lost: AbortSignal): Promise<void> {
    // its own pools: a connection that dies while it migrates must not keep them from closing, nor the lock from being freed
    const pools = named.exclusive ? named : createNamedOrm(named);
    lost.addEventListener('abort', () => pools.pools.forEach(pool => pool.abort(() => lost.reason as Error)));
    // a replica may not have what the run has written
    const overrides = { ensureDatabase: false, preferReadReplicas: false } as Partial<Options<D, EM, E>>;
    await aside(other => other.migrator.up(), pools, overrides);
  }

  return async ({ migrate, connect }) => {
    const lockTimeout = (migrate as { lockTimeout?: number } | undefined)?.lockTimeout ?? LOCK_TIMEOUT;
    if (migrate) {
      assertNumber('migrate.lockTimeout', lockTimeout);
      assertMigratable(orm);
    }
    await runOnce(named, 'connect', async () => {
      const create = ensureDatabase === false ? undefined : () => aside(createDatabase, undefined);
      await openDatabase(orm, { create, assertOpen: assertNotClosing, mapError }, connect);
      if (typeof ensureDatabase === 'object' || ensureIndexes) {
        await aside(other => other.connect(), named.exclusive ? named : undefined);
      }
    });
    // also counts this graph among the users of the pool, before another one may close its ORM
    await answer(orm);
    if (migrate) {
      await runOnce(named, migrationsKey(orm), async () => {
        named.contexts++; // close({ drain }) waits for it, as for a request
        try {
          if (!(await isMigrated(orm).catch(() => false))) {
            await withMigrationLock(orm, lockTimeout, assertNotClosing, runMigrations);
          }
        } finally {
          named.contexts--;
        }
      });
    }
  };
}

/** MikroORM creates a missing database when it connects; another process may do so at the same time. */
async function createDatabase(orm: AnyOrm): Promise<void> {
  try {
    await orm.connect();
  } catch (error) {
    if (!isAlreadyThere(error)) {
      throw error;
    }
  }
}
