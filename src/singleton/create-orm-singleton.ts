import type { IDatabaseDriver, MikroORM, Options } from '@mikro-orm/core';
import { assertNumber } from '../util/assert-number.js';
import type { AttachedOrm } from './attached-orm.js';
import type { DriverEm, OrmConfig } from './build-orm.js';
import { closeOn } from './close-on.js';
import { OrmClosedError, OrmConfigError } from '../errors.js';
import type { OrmHealth } from './health.js';
import type { MigrateOptions } from '../migrations/migrate-options.js';
import { SETTINGS, type SingletonSettings } from './singleton-settings.js';
import type { ConnectOptions } from './connect.js';
import { assertNotMigrating, isMigrating } from '../process/running-migrations.js';
import { NOTHING, type OrmStats } from '../process/orm-stats.js';
import { countClosings, findDatabase } from '../process/shared-database.js';
import type { AnyOrm, EntityList } from '../orm-source.js';
import type { PoolOptions } from '../pool/pool-options.js';

/** How long a check may take, in ms: probes of orchestrators wait for about as long. */
const CHECK_TIMEOUT = 5_000;

/** Options of {@link createOrmSingleton}. */
export interface OrmSingletonOptions {
  /**
   * Tells the databases of a process apart; becomes MikroORM's `contextName`. An in-memory database is shared between
   * module graphs only under a name that is given here.
   * @default the config's `contextName`, or 'default'
   */
  name?: string | undefined;
  /**
   * Runs pending migrations, once a process, before the first `orm()` resolves. Processes take turns, on any number of
   * machines: each waits up to `lockTimeout` milliseconds (60 000 by default) for one that migrates, then throws
   * {@link MigrationLockError}. The lock goes with the process that holds it.
   *
   * With `schemas`, they run in each of these schemas, one after the other under one lock, and a run that was interrupted
   * goes on with the next start. A function may ask where they are listed, and not this ORM, which waits for it.
   * @default false
   */
  migrate?: boolean | MigrateOptions | undefined;
  /** Waits for a database that is still starting. @default one attempt */
  connect?: ConnectOptions | undefined;
  /**
   * Limits for everything that waits, in milliseconds; what `driverOptions` say of the same wins. The size of the pool is
   * the config's `pool.max`.
   */
  pool?: PoolOptions | undefined;
  /**
   * With read replicas: a unit of work (a request, a fork) that has used the primary, by a write, a transaction or raw SQL, reads
   * from it from then on, as a replica may lag behind. A query with `connectionType: 'read'` still goes to a replica.
   * @default true
   */
  readYourWrites?: boolean | undefined;
}

/** The ORM of a module graph, on the pool of the process: what {@link createOrmSingleton} returns. */
export interface OrmSingleton<ORM extends AnyOrm = AnyOrm> {
  /** Resolves with the ORM. Concurrent callers share one attempt; a failed one is not kept, the next call tries again. */
  (): Promise<ORM>;
  /** This module graph's ORM; undefined before its first `orm()` and after `close()`. */
  readonly current: ORM | undefined;
  /** Merges `overrides` into the config, key by key; before the first use only. For tests. */
  configure(overrides: Partial<Options<ORM['driver']>>): void;
  /**
   * Asks the database, by SELECTs only, whether it answers and has all migrations. Rejects only for a bad config. Where it
   * takes longer than `timeout` ms, the reason is `database-overloaded` if all connections are in use, else
   * `database-unavailable`.
   */
  check(options?: { /** Milliseconds. @default 5000 */ timeout?: number | undefined }): Promise<OrmHealth>;
  /**
   * What goes on in this process under the name, in all of its module graphs: connections by role, units of work, ORMs, runs.
   * Asks nobody, and may be called at any time; before the first use and after `close()` all of it is 0.
   */
  stats(): OrmStats;
  /**
   * Closes the name in every module graph: waits up to `drain` ms for running contexts and connections in use, then
   * every use throws {@link OrmClosedError}. Twice is once; a singleton created later opens anew.
   */
  close(options?: { /** Milliseconds. @default 0 */ drain?: number | undefined }): Promise<void>;
  /**
   * Closes with any of these signals, as `close({ drain })` does. One listener serves the process, however often a reload or
   * another module graph calls this; the last call for a name counts. It never exits: that is left to what serves, which stops
   * listening and lets answers finish. Where nothing else handles the signal, exit once this has closed.
   *
   * @throws {@link OrmConfigError} for what is no list of signals
   *
   * @example
   * ```ts
   * import { createServer } from 'node:http';
   * import { orm } from './orm';
   *
   * await orm();
   * const server = createServer((_, res) => res.end('hello')).listen(3000);
   * orm.closeOn(['SIGTERM', 'SIGINT'], { drain: 10_000 });
   * process.once('SIGTERM', () => server.close());
   * ```
   */
  closeOn(
    signals: readonly NodeJS.Signals[],
    options?: { /** Milliseconds. @default 0 */ drain?: number | undefined },
  ): void;
  /** `await using orm = createOrmSingleton(config)`: closes without draining. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * One ORM for each module graph, all of them on one pool for the process, opened on first use.
 *
 * Bundlers evaluate a module once for each graph, and again on reload. Entity classes differ between those, so an ORM
 * cannot be shared; its pool (with the ones of its read replicas) can, and is.
 *
 * @param config what `defineConfig` of your driver's package returns, or a function (async too) that leads to it
 * @param options see {@link OrmSingletonOptions}
 * @throws {@link OrmConfigError} from the call it returns, for a config without driver, a Node.js too old, an edge
 *   runtime, or two databases under one name; {@link ExplicitNameError} for names that a minifier made;
 *   {@link MigrationLockError} where another process migrates for too long;
 *   {@link OrmClosedError} after `close()`; and the driver's error where the database does not answer
 *
 * @example
 * ```ts
 * import { createOrmSingleton } from 'mikro-orm-web';
 * import { User } from './entities';
 * import config from './mikro-orm.config';
 *
 * export const orm = createOrmSingleton(config, { migrate: true });
 * const users = await (await orm()).em.fork().findAll(User);
 * ```
 */
export function createOrmSingleton<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList>(
  config: OrmConfig<D, EM, E>,
  options: OrmSingletonOptions = {},
): OrmSingleton<MikroORM<D, EM, E>> {
  type ORM = MikroORM<D, EM, E>;
  type Attached = AttachedOrm<D, EM, E>;
  const closings = countClosings();
  let overrides: Partial<Options<D, EM, E>> = {};
  /** What a config that is a function has led to, where it was asked before its first use. */
  let known: Partial<Options<D, EM, E>> | undefined;
  let attaching: Promise<Attached> | undefined;
  let attached: Attached | undefined;
  let opening: Promise<ORM> | undefined;
  let opened: ORM | undefined;
  /** Closed before its first use. */
  let refused = false;

  const isClosed = (): boolean => refused || attached?.database.isClosed === true;
  const closedError = (): OrmClosedError => new OrmClosedError(attached?.database.name ?? knownName() ?? 'default');

  /** The name, as far as it can be told without calling a config that is a function. */
  function knownName(): string | undefined {
    return (
      options.name ??
      overrides.contextName ??
      (typeof config === 'object' ? (config?.contextName ?? 'default') : undefined)
    );
  }

  async function attach(): Promise<Attached> {
    if (isClosed()) {
      throw closedError();
    }
    assertNotMigrating(attached?.database.name ?? knownName());
    attaching ??= load().catch((error: unknown) => {
      attaching = undefined;
      throw error;
    });
    return attaching;
  }

  async function load(): Promise<Attached> {
    // the lazy boundary: every module graph imports the library, and only what opens a database needs the rest
    const { AttachedOrm } = await import('./attached-orm.js');
    attached = await AttachedOrm.build(known ?? config, overrides, {
      closings,
      name: options.name,
      pool: options.pool,
      readYourWrites: options.readYourWrites,
    });
    return attached;
  }

  async function open(): Promise<ORM> {
    const target = await attach();
    const failure = await target.open(options).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (target.database.isClosed) {
      // closed meanwhile, whatever the driver made of it
      throw closedError();
    }
    if (failure) {
      attaching = attached = undefined;
      target.database.remove(target.orm);
      await target.orm.close().catch(() => undefined);
      throw failure.error;
    }
    opened = target.orm;
    return opened;
  }

  async function orm(): Promise<ORM> {
    if (isClosed()) {
      throw closedError();
    }
    assertNotMigrating(attached?.database.name ?? knownName());
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  const singleton: Omit<OrmSingleton<ORM>, 'current'> = Object.assign(orm, {
    configure(this: void, more: Partial<Options<D>>): void {
      if (attaching) {
        throw new OrmConfigError('configure() came after the first use. Call it before orm(), check() and close().');
      }
      overrides = { ...overrides, ...more } as typeof overrides;
    },
    async check({ timeout = CHECK_TIMEOUT }: { timeout?: number | undefined } = {}): Promise<OrmHealth> {
      assertNumber('check({ timeout })', timeout, 1);
      try {
        return await (await attach()).check(options, timeout);
      } catch (error) {
        if (error instanceof OrmClosedError) {
          return (await import('./health.js')).unhealthy(error);
        }
        throw error;
      }
    },
    stats(this: void): OrmStats {
      const name = knownName();
      const database = attached?.database ?? (name === undefined || refused ? undefined : findDatabase(name));
      return database?.stats ?? NOTHING();
    },
    async close({ drain = 0 }: { drain?: number | undefined } = {}): Promise<void> {
      assertNumber('close({ drain })', drain);
      // at once where that is possible: what is created after this call is a reload, which opens anew
      const used = attached ?? (await attaching?.catch(() => undefined));
      // of a singleton that was never used, what other graphs have opened under its name, without an ORM to find it by
      const name = knownName();
      refused = used === undefined;
      await (used?.database ?? (name === undefined ? undefined : findDatabase(name)))?.close(drain);
    },
    closeOn(signals: readonly NodeJS.Signals[], { drain = 0 }: { drain?: number | undefined } = {}): void {
      assertNumber('closeOn(signals, { drain })', drain);
      closeOn(signals, {
        name: () => attached?.database.name ?? knownName(),
        close: () => singleton.close({ drain }),
      });
    },
    [Symbol.asyncDispose]: () => singleton.close(),
    [SETTINGS]: {
      read: async () => ({ ...(known ??= typeof config === 'function' ? await config() : config), ...overrides }),
      get isUsed() {
        return attaching !== undefined || refused;
      },
      migrate: options.migrate,
    } as unknown as SingletonSettings,
  });
  return Object.defineProperty(singleton, 'current', {
    // within a migration, `orm()` says why there is none
    get: () => (isClosed() || isMigrating(attached?.database.name) ? undefined : opened),
  }) as OrmSingleton<ORM>;
}
