import { OrmClosedError, OrmConfigError } from '../errors.js';
import type { AnyOrm } from '../orm-source.js';
import type { LeaseSource } from '../pool/lease-source.js';
import type { PoolLimits } from '../pool/pool-options.js';
import type { PoolUser } from '../pool/pool-user.js';
import { NO_CONNECTIONS, sumOf } from '../pool/pool-stats.js';
import { SharedPool } from '../pool/shared-pool.js';
import { isProduction } from '../util/environment.js';
import { warn } from '../util/warn.js';
import { drainWork } from './drain-work.js';
import { elsewhere } from './elsewhere.js';
import { assertNotMigrating } from './running-migrations.js';
import { UnitsOfWork } from './units-of-work.js';
import { NOTHING, type OrmStats } from './orm-stats.js';
import { identifyConnection, identifyDatabase, type DatabaseIdentity } from './database-identity.js';

/** How long a pool whose settings were edited stays open without use, in ms: an ORM of before the edit may still use it. */
const LINGER = 5_000;

interface Registry {
  /** Counts closings, so that each singleton can be told to be of before or after one. */
  closings: number;
  /** The closing of each name: singletons of before it refuse, later ones open anew. */
  readonly closedBy: Map<string, number>;
  readonly databases: Map<string, SharedDatabase>;
  /** Lets a helper that is handed an ORM find what belongs to it. */
  readonly byOrm: WeakMap<AnyOrm, SharedDatabase>;
}

// Each module graph of a bundler evaluates this file again, so what they share hangs on globalThis. The key carries a
// version: two releases of this library in one process don't read each other's state.
const KEY = Symbol.for('mikro-orm-web/state@2');

function registry(): Registry {
  const host = globalThis as { [KEY]?: Registry };
  return (host[KEY] ??= { closings: 0, closedBy: new Map(), databases: new Map(), byOrm: new WeakMap() });
}

/** How many names were closed in this process so far: what a singleton remembers of its creation. */
export function countClosings(): number {
  return registry().closings;
}

/** Counts a running unit of work of `orm`, which `close({ drain })` waits for, until the function that it returns is called. */
export function beginUnitOfWork(orm: AnyOrm): () => void {
  const database = registry().byOrm.get(orm);
  assertNotMigrating(database?.name);
  return database?.beginUnitOfWork(orm) ?? (() => undefined);
}

/** What `orm` is attached to, in whichever module graph. */
export function databaseOf(orm: AnyOrm): SharedDatabase | undefined {
  return registry().byOrm.get(orm);
}

/** What has this name now, in whichever module graph it was opened. */
export function findDatabase(name: string): SharedDatabase | undefined {
  return registry().databases.get(name);
}

type Guard = () => Promise<void>;

/** What joining depends on. */
interface JoinOptions {
  readonly closings: number;
  readonly shareMemory: boolean;
  readonly limits: PoolLimits;
}

/**
 * One database under one name: what the module graphs of a process have in common. The first graph's code serves all of
 * them, so errors that reach an app are made by the graph that asks.
 */
export class SharedDatabase {
  readonly name: string;
  readonly identity: DatabaseIdentity;
  /** Of the pools: the first graph's, in production. */
  readonly #limits: PoolLimits;
  readonly #guard: Guard | undefined;
  /** By role (`write`, then `read 0`, `read 1` … for the replicas) and meaning. */
  readonly #pools = new Map<string, SharedPool>();
  /** The ORMs of all graphs, for `close()`; one whose graph was reloaded away must stay collectable. */
  readonly #orms = new Set<WeakRef<AnyOrm>>();
  /** What all graphs share, by what it does: `connect`, or a list of migrations. */
  readonly #runs = new Map<string, Promise<void>>();
  /** Resolves when the latest of them has ended, either way. */
  #lastRun: Promise<unknown> = Promise.resolve();
  readonly #unitsOfWork: UnitsOfWork;
  /** Runs of migrations under way. */
  #migrating = 0;
  /** What all pools lease from in place of their drivers. */
  #diversion: LeaseSource | undefined;
  #closing: Promise<void> | undefined;
  /** The number of the closing that runs. */
  #closedBy = Infinity;
  #isClosed = false;
  /** What had the name before an edit of the settings, in development: still in use where a module was not evaluated again. */
  readonly #replaced: WeakRef<SharedDatabase>[] = [];

  private constructor(name: string, identity: DatabaseIdentity, limits: PoolLimits, guard?: Guard) {
    this.name = name;
    this.identity = identity;
    this.#limits = limits;
    this.#guard = guard;
    this.#unitsOfWork = new UnitsOfWork(name, limits.leakAfter);
  }

  /**
   * Finds or adds what the graphs share under the name of `orm`. `closings` is what {@link countClosings} said when the asking
   * singleton was created, `shareMemory` whether an in-memory database may be shared, `limits` those of its pools.
   *
   * @throws {@link OrmClosedError} where the name was closed since, {@link OrmConfigError} where it is another database's
   */
  static join(orm: AnyOrm, { closings, shareMemory, limits }: JoinOptions): SharedDatabase {
    const { databases, closedBy } = registry();
    const name = orm.config.get('contextName');
    const identity = identifyDatabase(orm);
    if (identity.inMemory && !shareMemory) {
      return SharedDatabase.apart(orm, limits);
    }
    if ((closedBy.get(name) ?? 0) > closings) {
      throw new OrmClosedError(name);
    }
    const running = databases.get(name);
    if (running?.serves(identity, limits)) {
      return running;
    }
    if (running?.isSettled) {
      throw new OrmConfigError(
        `Two ${running.identity.place === identity.place ? 'meanings of one database' : 'databases'} under one name, "${name}". Give one of them a name of its own: createOrmSingleton(config, { name: 'reports' }).`,
        { detail: `It is ${running.identity.place} already, and now ${identity.place}.` },
      );
    }
    const added = new SharedDatabase(name, identity, limits);
    databases.set(name, added);
    if (running) {
      added.#replaced.push(...running.retire());
      warnWithoutEnvironment(orm, name);
    }
    return added;
  }

  /** One of its own, which no other ORM finds. `guard` is called before each statement, and rejects where none may run. */
  static apart(orm: AnyOrm, limits: PoolLimits, guard?: Guard): SharedDatabase {
    return new SharedDatabase(orm.config.get('contextName'), identifyDatabase(orm), limits, guard);
  }

  /** Whether `close()` was called, and may still be draining. */
  get isClosing(): boolean {
    return this.#closedBy !== Infinity;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether a borrower has to wait for another one. */
  get isExhausted(): boolean {
    return [...this.#pools.values()].some(pool => pool.isExhausted);
  }

  /** Whether the settings stand, the first graph's: in production, as long as an ORM has them, also one that still opens. */
  get isSettled(): boolean {
    return isProduction() && [...this.#orms].some(orm => orm.deref());
  }

  /** Whether an ORM of this identity belongs here. In development a reload may have edited the settings of the pool. */
  serves(identity: DatabaseIdentity, limits: PoolLimits): boolean {
    return (
      this.identity.meaning === identity.meaning &&
      // a second handle beside the first could not be opened anyway
      (this.isSettled ||
        identity.exclusive ||
        (this.identity.settings === identity.settings && isSame(this.#limits, limits)))
    );
  }

  /** The pool for a connection of `orm`, by the settings that it has now: after a reconnect to another database, another. */
  poolFor(orm: AnyOrm, role: string, user: PoolUser): SharedPool {
    const { meaning, file, exclusive } = identifyConnection(orm, user.connection);
    const isOwn = identifyDatabase(orm).meaning === this.identity.meaning;
    const key = `${role} ${meaning}`;
    let pool = this.#pools.get(key);
    if (!pool) {
      pool = new SharedPool(user, {
        packages: orm.driver.getDependencies(),
        file,
        limits: this.#limits,
        source: { name: this.name, role },
        oldestUnitOfWork: () => this.#unitsOfWork.oldest,
        guard: this.#guard,
        diversion: () => (isOwn ? this.#diversion : this.#diversion && elsewhere),
        linger: exclusive ? 0 : LINGER,
        onUnused: () => this.#pools.delete(key),
      });
      this.#pools.set(key, pool);
    }
    return pool;
  }

  /**
   * Makes all pools lease from `source` in place of their drivers, in every module graph, until the function that it returns
   * is called. One that was there before stays, and undefined is returned.
   */
  divert(source: LeaseSource): (() => void) | undefined {
    if (this.#diversion) {
      return undefined;
    }
    this.#diversion = source;
    return () => {
      this.#diversion = this.#diversion === source ? undefined : this.#diversion;
    };
  }

  /** Lets `close()` and the helpers find `orm` by its name, and the name by `orm`. */
  add(orm: AnyOrm): void {
    for (const ref of this.#orms) {
      if (!ref.deref()) {
        this.#orms.delete(ref);
      }
    }
    this.#orms.add(new WeakRef(orm));
    registry().byOrm.set(orm, this);
  }

  /** Forgets an ORM that could not be opened: other settings may be right. */
  remove(orm: AnyOrm): void {
    for (const ref of this.#orms) {
      if (ref.deref() === orm) {
        this.#orms.delete(ref);
      }
    }
  }

  /** Runs `work` once for all graphs, after the runs before it; a failed run is not kept. */
  runOnce(key: string, work: () => Promise<void>): Promise<void> {
    let run = this.#runs.get(key);
    if (!run) {
      run = this.#lastRun.then(work).catch((error: unknown) => {
        this.#runs.delete(key);
        throw error;
      });
      this.#runs.set(key, run);
      this.#lastRun = run.catch(() => undefined);
    }
    return run;
  }

  /** Counts a unit of work of `orm` until the function that it returns is called; more calls are no-ops. */
  beginUnitOfWork(orm: AnyOrm): () => void {
    return this.#unitsOfWork.begin(orm);
  }

  /** Counts a run of migrations, which `close()` waits for as for a unit of work, while `work` goes on. */
  async countRun(work: () => Promise<void>): Promise<void> {
    this.#migrating++;
    try {
      await work();
    } finally {
      this.#migrating--;
    }
  }

  /** What goes on now. */
  get stats(): OrmStats {
    const { pools } = NOTHING();
    for (const pool of this.#pools.values()) {
      pools[pool.role] = sumOf(pools[pool.role] ?? NO_CONNECTIONS, pool.stats);
    }
    const orms = [...this.#orms].filter(orm => orm.deref()).length;
    return { pools, unitsOfWork: this.#unitsOfWork.size, orms, runs: this.#migrating };
  }

  /** Makes each statement that is still to come throw `reason`, in transactions under way, too. */
  revoke(reason: Error): void {
    for (const pool of this.#pools.values()) {
      pool.revoke(reason);
    }
  }

  /** Waits while this closes, for a singleton that was created after the call: in development, a reload or the next test. */
  async untilClosed(closings: number): Promise<void> {
    if (!isProduction() && this.#closedBy <= closings) {
      await this.#closing;
    }
  }

  /** Drains for `drain` ms, then closes the name in every module graph; further calls wait for the first. */
  close(drain: number): Promise<void> {
    this.#closing ??= this.#close(drain);
    return this.#closing;
  }

  async #close(drain: number): Promise<void> {
    const state = registry();
    this.#closedBy = ++state.closings;
    // what had the name before an edit of the settings, and what has it since
    const successor = state.databases.get(this.name);
    const others = [...this.#replaced.map(ref => ref.deref()), successor].map(other =>
      other && !other.isClosing ? other.close(drain) : undefined,
    );
    await drainWork(drain, () => {
      const pools = [...this.#pools.values()];
      const isIdle = this.#unitsOfWork.size + this.#migrating === 0 && pools.every(pool => pool.busy === 0);
      return isIdle ? pools.reduce((sum, pool) => sum + pool.served, 0) : undefined;
    });
    await this.#diversion?.end();
    this.#isClosed = true;
    if (state.databases.get(this.name) === this) {
      state.databases.delete(this.name);
      // in development, what was created since the call is a reload, which opens anew
      state.closedBy.set(this.name, isProduction() ? ++state.closings : this.#closedBy);
    }
    await Promise.all([...this.#pools.values()].map(pool => pool.close()));
    // closes what is not the pool's: caches, and a Kysely instance of the user's
    await Promise.all([...this.#orms].map(orm => orm.deref()?.close()));
    this.#orms.clear();
    await Promise.all(others);
  }

  /** Lets requests on these pools finish, after an edit of the settings; returns what `close()` of the successor closes, too. */
  retire(): WeakRef<SharedDatabase>[] {
    for (const pool of this.#pools.values()) {
      pool.retire();
    }
    return [...this.#replaced.filter(ref => ref.deref()), new WeakRef(this)];
  }
}

const isSame = (one: PoolLimits, other: PoolLimits): boolean =>
  (Object.keys(one) as (keyof PoolLimits)[]).every(name => one[name] === other[name]);

/** A server that was started without it has no reloads, and two pools under one name instead. */
function warnWithoutEnvironment(orm: AnyOrm, name: string): void {
  if (process.env['NODE_ENV'] === undefined) {
    warn(
      orm.config,
      `"${name}" was opened with other settings before, and NODE_ENV is not set, so this counts as an edit in development: both pools stay open while they are used. Set NODE_ENV=production, and give a second database a name of its own.`,
    );
  }
}
