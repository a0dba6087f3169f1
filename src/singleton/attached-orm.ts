import type { IDatabaseDriver, MikroORM, Options } from '@mikro-orm/core';
import { assertAllListed } from '../entities/unlisted-entities.js';
import { OrmClosedError, PoolTimeoutError } from '../errors.js';
import { checkedMigratorOf } from '../migrations/checked-migrator.js';
import { assertMigratable, migrationsKey, schemasBehind } from '../migrations/pending-migrations.js';
import { DEFAULT_LOCK_TIMEOUT, withMigrationLock, type RunGuard } from '../migrations/lock/migration-lock.js';
import { resolveSchemas, type MigrateOptions, type RunSchema } from '../migrations/migrate-options.js';
import {
  isSql,
  readOwnWrites,
  runningContext,
  runningTransaction,
  sqlConnections,
  warnOfVersions,
  weakenEntityRegistry,
} from '../mikro-orm-internals.js';
import type { EntityList } from '../orm-source.js';
import { connectionLost } from '../pool/connection-lost.js';
import { resolvePoolOptions, type PoolLimits, type PoolOptions } from '../pool/pool-options.js';
import { attachOrm } from '../process/attach-orm.js';
import { assertNotMigrating, whileMigrating } from '../process/running-migrations.js';
import { SharedDatabase, findDatabase } from '../process/shared-database.js';
import { assertNumber } from '../util/assert-number.js';
import { isProduction } from '../util/environment.js';
import { within } from '../util/time-limit.js';
import { assertRuntime, buildOrm, resolveConfig, type DriverEm, type OrmConfig } from './build-orm.js';
import { answer, isAlreadyThere, openDatabase, type ConnectOptions } from './connect.js';
import { checkHealth, unhealthy, type OrmHealth } from './health.js';
import { withSiblingOrm } from './sibling-orm.js';

/** What {@link AttachedOrm.open} does beyond connecting. */
export interface OpenOptions {
  migrate?: boolean | MigrateOptions | undefined;
  connect?: ConnectOptions | undefined;
}

/** What {@link AttachedOrm.build} depends on, beside the config. */
interface BuildOptions {
  readonly closings: number;
  readonly name: string | undefined;
  readonly pool: PoolOptions | undefined;
  readonly readYourWrites: boolean | undefined;
}

/** An ORM of one module graph, on the pools of its name. */
export class AttachedOrm<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList> {
  readonly orm: MikroORM<D, EM, E>;
  readonly database: SharedDatabase;
  readonly #settings: Partial<Options<D, EM, E>>;
  readonly #limits: PoolLimits;
  /** What MikroORM would do to the database on each connect: it is done once a process. */
  readonly #onConnect: { ensureDatabase: Options['ensureDatabase']; ensureIndexes: boolean };

  private constructor(
    orm: MikroORM<D, EM, E>,
    database: SharedDatabase,
    settings: Partial<Options<D, EM, E>>,
    limits: PoolLimits,
  ) {
    this.orm = orm;
    this.database = database;
    this.#limits = limits;
    this.#settings = settings;
    this.#onConnect = {
      ensureDatabase: orm.config.get('ensureDatabase'),
      ensureIndexes: orm.config.get('ensureIndexes'),
    };
    orm.config.set('ensureDatabase', false);
    orm.config.set('ensureIndexes', false);
  }

  /** Builds the ORM of a module graph and puts it on the pools of the process, without connecting. */
  static async build<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList>(
    config: OrmConfig<D, EM, E>,
    overrides: Partial<Options<D, EM, E>>,
    { closings, name, pool, readYourWrites = true }: BuildOptions,
  ): Promise<AttachedOrm<D, EM, E>> {
    assertRuntime();
    warnOfVersions();
    const limits = resolvePoolOptions(pool);
    const given = await resolveConfig(config, overrides);
    const settings = { ...given, contextName: name ?? given.contextName ?? 'default' };
    if (!isProduction()) {
      weakenEntityRegistry();
    }
    // of a config that is a function, the name is known only now
    assertNotMigrating(settings.contextName);
    await untilClosed(settings.contextName, closings);
    const orm = await buildOrm(settings);
    try {
      const database = SharedDatabase.join(orm, { closings, shareMemory: name !== undefined, limits });
      assertAllListed(orm);
      const attached = new AttachedOrm(orm, database, settings, limits);
      attachOrm(orm, database);
      if (readYourWrites && isSql(orm) && sqlConnections(orm).length > 1) {
        readOwnWrites(orm);
      }
      database.add(orm);
      return attached;
    } catch (error) {
      await orm.close().catch(() => undefined);
      throw error;
    }
  }

  /** Connects, and migrates where asked to; what concerns the database itself happens once a process. */
  async open({ migrate, connect }: OpenOptions): Promise<void> {
    const { orm, database } = this;
    const lockTimeout = (migrate instanceof Object ? migrate.lockTimeout : undefined) ?? DEFAULT_LOCK_TIMEOUT;
    if (migrate) {
      assertNumber('migrate.lockTimeout', lockTimeout);
      assertMigratable(orm);
    }
    const assertOpen = (): void => this.#assertNotClosing();
    await database.runOnce('connect', () => this.#connect(connect, assertOpen));
    // also counts this graph among the users of the pool, before another one may close its ORM
    await answer(orm);
    if (migrate) {
      const schemas = await resolveSchemas(orm, migrate);
      const run = async (): Promise<void> => {
        const behind = await schemasBehind(orm, schemas);
        if (behind.length > 0) {
          await withMigrationLock(orm, { timeout: lockTimeout, limits: this.#limits, assertOpen }, guard =>
            this.#migrate(guard, behind),
          );
        }
      };
      await database.runOnce(migrationsKey(orm, schemas), () => database.countRun(run));
    }
  }

  /** Looks for `timeout` ms at the most. */
  async check({ migrate }: OpenOptions, timeout: number): Promise<OrmHealth> {
    const { database } = this;
    if (database.isClosing) {
      return unhealthy(new OrmClosedError(database.name));
    }
    const looking = async (): Promise<OrmHealth> =>
      checkHealth(this.orm, database.identity, {
        schemas: await resolveSchemas(this.orm, migrate),
        pool: database,
      });
    const late = new Error('late');
    return within(timeout, looking(), () => late).catch((error: unknown) => {
      if (error !== late) {
        throw error;
      }
      return unhealthy(
        database.isExhausted ? new PoolTimeoutError(database.name, timeout) : connectionLost(),
        this.orm,
      );
    });
  }

  async #connect(connect: ConnectOptions | undefined, assertOpen: () => void): Promise<void> {
    const { ensureDatabase, ensureIndexes } = this.#onConnect;
    const create = ensureDatabase === false ? undefined : () => this.#createDatabase();
    await openDatabase(this.orm, { create, assertOpen }, connect);
    if (typeof ensureDatabase === 'object' || ensureIndexes) {
      const pools = this.database.identity.exclusive ? this.database : undefined;
      await withSiblingOrm(this.orm, this.#settings, { pools }, other => other.connect());
    }
  }

  /** Lets MikroORM create a missing database, which it does when it connects; another process may do so at the same time. */
  async #createDatabase(): Promise<void> {
    await withSiblingOrm(this.orm, this.#settings, {}, async other => {
      try {
        await other.connect();
      } catch (error) {
        if (!isAlreadyThere(error)) {
          throw error;
        }
      }
    });
  }

  async #migrate(lock: RunGuard, schemas: readonly RunSchema[]): Promise<void> {
    // pools of its own: a connection that dies while it migrates must not keep the others from closing, nor the lock from
    // being freed
    const limits = { ...this.#limits, queryTimeout: Infinity }; // a migration takes as long as it takes
    const pools = this.database.identity.exclusive
      ? this.database
      : SharedDatabase.apart(this.orm, limits, () => lock.assertHeld());
    lock.lost.addEventListener('abort', () => pools.revoke(lock.lost.reason as Error));
    // a replica may not have what the run has written
    const overrides = { ensureDatabase: false, preferReadReplicas: false } as Partial<Options<D, EM, E>>;
    await withSiblingOrm(this.orm, this.#settings, { pools, overrides }, other =>
      whileMigrating(this.database.name, async () => {
        const migrator = checkedMigratorOf(other);
        for (const schema of schemas) {
          await migrator.up(schema === undefined ? undefined : { schema });
        }
      }),
    );
  }

  #assertNotClosing(): void {
    if (this.database.isClosing) {
      throw new OrmClosedError(this.database.name);
    }
  }
}

/**
 * Waits while a name closes in development, for what was created after that call: a reload, or the next test. A unit of work
 * that close() waits for does not: it is served until the end.
 */
async function untilClosed(name: string, closings: number): Promise<void> {
  if (!runningTransaction(name) && !runningContext(name)) {
    await findDatabase(name)?.untilClosed(closings);
  }
}
