import type { IDatabaseDriver, MikroORM, Options } from '@mikro-orm/core';
import { attachOrm, openOrm, type AttachedOrm } from './attached-orm.js';
import type { DriverEm, OrmConfig } from './build-orm.js';
import { closeNamedOrm } from './close-orm.js';
import { OrmConfigError, type OrmClosedError } from './errors/orm-web-error.js';
import { checkHealth, unhealthy, type OrmHealth } from './health.js';
import { closedError } from './named-orm.js';
import { assertMilliseconds, type ConnectOptions } from './open-database.js';
import { nextTick } from './process-state.js';
import type { AnyOrm, EntityList } from './orm-source.js';

/** Options of {@link createOrmSingleton}. */
export interface OrmSingletonOptions {
  /**
   * Tells the databases of a process apart; becomes MikroORM's `contextName`. An in-memory database is shared between
   * module graphs only under a name that is given here.
   * @default the config's `contextName`, or 'default'
   */
  name?: string | undefined;
  /** Runs pending migrations, once a process, before the first `orm()` resolves. @default false */
  migrate?: boolean | { /** Milliseconds to wait for the lock. */ lockTimeout?: number | undefined } | undefined;
  /** Waits for a database that is still starting. @default one attempt */
  connect?: ConnectOptions | undefined;
}

/** The ORM of a module graph, on the pool of the process: what {@link createOrmSingleton} returns. */
export interface OrmSingleton<ORM extends AnyOrm = AnyOrm> {
  /** Resolves with the ORM. Concurrent callers share one attempt; a failed one is not kept, the next call tries again. */
  (): Promise<ORM>;
  /** This module graph's ORM; undefined before its first `orm()` and after `close()`. */
  readonly current: ORM | undefined;
  /** Merges `overrides` into the config, key by key; before the first use only. For tests. */
  configure(overrides: Partial<Options<ORM['driver']>>): this;
  /** Asks the database, by SELECTs only, whether it answers and has all migrations. Does not throw for its state. */
  check(): Promise<OrmHealth>;
  /**
   * Closes the name in every module graph: waits up to `drain` ms for running contexts and connections in use, then
   * every use throws {@link OrmClosedError}. Twice is once; a singleton created later opens anew.
   */
  close(options?: { /** Milliseconds. @default 0 */ drain?: number | undefined }): Promise<void>;
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
 *   {@link OrmClosedError} after `close()`; and the driver's error where the database does not answer
 *
 * @example
 * ```ts
 * export const orm = createOrmSingleton(config, { migrate: true });
 * const users = await (await orm()).em.fork().findAll(User);
 * ```
 */
export function createOrmSingleton<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList>(
  config: OrmConfig<D, EM, E>,
  options: OrmSingletonOptions = {},
): OrmSingleton<MikroORM<D, EM, E>> {
  type ORM = MikroORM<D, EM, E>;
  const created = nextTick();
  let overrides: Partial<Options<D, EM, E>> = {};
  let built: Promise<AttachedOrm<ORM>> | undefined;
  let ready: Promise<ORM> | undefined;
  let attached: AttachedOrm<ORM> | undefined;
  let isOpen = false;
  let isShut = false;

  function build(): Promise<AttachedOrm<ORM>> {
    built ??= attachOrm(config, overrides, { created, name: options.name }).then(
      orm => (attached = orm),
      (error: unknown) => {
        built = undefined;
        throw error;
      },
    );
    return built;
  }

  async function open(): Promise<ORM> {
    const attempt = await build();
    try {
      await openOrm(attempt, options);
    } catch (error) {
      built = ready = attached = undefined;
      await attempt.orm.close().catch(() => undefined);
      throw error;
    }
    isOpen = true;
    return attempt.orm;
  }

  const isClosed = (): boolean => isShut || attached?.named.closed === true;
  const refusal = (): OrmClosedError => closedError(attached?.named.name ?? options.name ?? 'default');

  function orm(): Promise<ORM> {
    if (isClosed()) {
      return Promise.reject(refusal());
    }
    ready ??= open().catch((error: unknown) => {
      ready = undefined;
      throw error;
    });
    return ready;
  }

  const singleton: Omit<OrmSingleton<ORM>, 'current'> = Object.assign(orm, {
    configure(this: void, more: Partial<Options<D>>) {
      if (built) {
        throw new OrmConfigError('configure() came after the first use. Call it before orm(), check() and close().');
      }
      overrides = { ...overrides, ...more } as typeof overrides;
      return singleton as OrmSingleton<ORM>;
    },
    async check(): Promise<OrmHealth> {
      if (isClosed() || attached?.named.closing) {
        return unhealthy(refusal());
      }
      return checkHealth((await build()).orm);
    },
    async close({ drain = 0 }: { drain?: number | undefined } = {}): Promise<void> {
      assertMilliseconds('close({ drain })', drain);
      const target = attached ?? (await build().catch(() => undefined));
      if (target) {
        await closeNamedOrm(target.named, drain);
      } else {
        // closed by another graph already, or nothing that could have been opened
        isShut = true;
      }
    },
    [Symbol.asyncDispose]: () => singleton.close(),
  });
  return Object.defineProperty(singleton, 'current', {
    get: () => (isOpen && !isClosed() ? attached?.orm : undefined),
  }) as OrmSingleton<ORM>;
}
