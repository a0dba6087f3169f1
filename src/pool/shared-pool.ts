import { diagnostics } from '../channels.js';
import type { DatabaseConnection, LendingDialect } from '../mikro-orm-internals.js';
import { Mutex } from '../util/mutex.js';
import { Trace } from '../util/trace.js';
import { WaitLimit } from '../util/wait-limit.js';
import { Borrower, Borrowers } from './borrowers.js';
import { lend } from './cancellable-lease.js';
import { explainWait } from './explain-wait.js';
import type { Leased, LeaseSource } from './lease-source.js';
import type { Answer, Lease, LeaseOwner } from './lease.js';
import { poolDialect } from './pool-dialect.js';
import { PoolDriver, type PoolDriverOptions } from './pool-driver.js';
import type { PoolStats } from './pool-stats.js';
import type { PoolUser } from './pool-user.js';
import { SilenceWatch } from './silence-watch.js';
import { StandIn } from './stand-in.js';
import type { QuerySource } from './tell-query.js';

/** Settings of a {@link SharedPool}. */
export interface SharedPoolOptions extends PoolDriverOptions {
  /** How long a retired pool stays open without use, in ms. */
  readonly linger: number;
  /** Called when the last user has detached: what attaches later may have other settings. */
  readonly onUnused: () => void;
  /** Called before each statement: rejects where none may run any more. */
  readonly guard?: (() => Promise<void>) | undefined;
  /** What ORMs lease from in place of the driver, while there is one. */
  readonly diversion?: (() => LeaseSource | undefined) | undefined;
  /** Where the oldest unit of work was opened that is still open; undefined where that is not known. */
  readonly oldestUnitOfWork?: (() => Trace | undefined) | undefined;
}

/** What lends connections in place of a replica. */
export interface Primary {
  lease(isSingle: boolean, options: unknown): Promise<Lease>;
  /** Called when the replica is found out of reach. */
  onAway(error: unknown): void;
}

/** How long what runs may go on after its pool was closed, in ms. */
const GRACE = 1_000;

/**
 * One pool (or one handle of an embedded database) for all ORMs of a process that are attached to it. It opens on first
 * use, and closes when its last user detaches.
 */
export class SharedPool {
  readonly #linger: number;
  readonly #onUnused: () => void;
  readonly #diversion: () => LeaseSource | undefined;
  readonly #driver: PoolDriver;
  readonly #turns = new Mutex();
  readonly #leases = new Set<Lease>();
  readonly #borrowers: Borrowers<Lease>;
  readonly #watch: SilenceWatch;
  readonly #source: QuerySource;
  readonly #oldestUnitOfWork: () => Trace | undefined;
  readonly #standIn = new StandIn();
  #users = 0;
  #served = 0;
  #isRetired = false;
  #retiring: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** The user that has the one handle of an embedded database. */
  #holder: PoolUser | undefined;
  /** The last attempt to get a connection that failed. */
  #failure: { readonly error: unknown; readonly at: number } | undefined;
  readonly #single: LeaseOwner;
  readonly #many: LeaseOwner;

  constructor(
    first: PoolUser,
    { linger, onUnused, guard, oldestUnitOfWork, diversion, ...options }: SharedPoolOptions,
  ) {
    this.#linger = linger;
    this.#onUnused = onUnused;
    this.#diversion = diversion ?? (() => undefined);
    this.#oldestUnitOfWork = oldestUnitOfWork ?? (() => undefined);
    this.#source = { ...options.source, isMysql: options.packages.includes('mysql2') };
    this.#driver = new PoolDriver(first, options, () => this.#holder);
    const { acquireTimeout, queryTimeout, validateTimeout } = this.#driver.limits;
    this.#borrowers = new Borrowers<Lease>(acquireTimeout, {
      lend: borrower => this.#lend(borrower),
      undo: late => this.#undo(late),
      failed: error => {
        this.#failure = { error, at: performance.now() };
        this.#closeIfRetired();
      },
      explain: late => this.#explain(late),
    });
    const queryLimit =
      queryTimeout === Infinity
        ? undefined
        : new WaitLimit<Answer>(queryTimeout, ({ lease }) => lease.fail(lease.user.errors.slow(queryTimeout)));
    const common = { source: this.#source, queryLimit, guard, readOnly: () => this.#driver.distrust() };
    this.#single = { ...common, released: lease => this.#released(lease, true) };
    this.#many = { ...common, released: lease => this.#released(lease, false) };
    this.#watch = new SilenceWatch({
      patience: validateTimeout,
      leases: () => this.#leases,
      ask: clients => this.#driver.findUnknown(clients),
      onLost: () => this.#driver.distrust(),
    });
  }

  /** Connections in use, and borrowers that wait for one. */
  get busy(): number {
    return this.#diversion()?.busy ?? this.#borrowed;
  }

  get #borrowed(): number {
    return this.#leases.size + this.#borrowers.size;
  }

  /** Of `write`, or of a replica: `read 0`, `read 1` … */
  get role(): string {
    return this.#source.role;
  }

  /** What its connections do now. */
  get stats(): PoolStats {
    const busy = this.#leases.size;
    const { open, idle = Math.max(0, open - busy), max } = this.#driver.size;
    return { open, busy, idle, waiting: this.#borrowers.size, max };
  }

  /** Whether all of its connections are in use. */
  get isExhausted(): boolean {
    return this.#leases.size >= (this.#driver.max ?? 1);
  }

  /** Connections handed out so far: a drain tells by it whether it was quiet. */
  get served(): number {
    return this.#served;
  }

  /**
   * Counts one more user; the function that is returned counts it out, and closes the pool after the last one. What waits
   * for a connection then is rejected: a driver's own pool would leave it waiting, and a handle would be opened again.
   */
  attach(): () => Promise<void> {
    this.#users++;
    let isAttached = true;
    return async () => {
      if (isAttached) {
        isAttached = false;
        if (--this.#users === 0) {
          this.#onUnused();
          this.#borrowers.rejectAll();
          await this.#driver.shut();
        }
      }
    };
  }

  /**
   * What the connection of `user` takes in place of its own dialect. A promise while the driver's own is one (mysql2). A
   * replica that cannot be reached has a `primary` in its place, which is told of it.
   */
  dialect(user: PoolUser, primary?: Primary): LendingDialect | Promise<LendingDialect> {
    this.#assertOpen(user);
    const leasing = {
      open: async () => {
        this.#assertOpen(user);
        await this.#driver.open(user);
      },
      lease: (isSingle: boolean, options: unknown): Promise<Leased> => {
        const take = (): Promise<Lease> => this.lease(user, isSingle, options);
        const source = this.#diversion();
        if (source) {
          return this.#leaseFrom(source, user);
        }
        return primary ? this.#standIn.take(take, () => primary.lease(isSingle, options), primary.onAway) : take();
      },
    };
    const native = this.#driver.dialect(user);
    return native instanceof Promise
      ? native.then(dialect => poolDialect(dialect, leasing))
      : poolDialect(native, leasing);
  }

  /** The driver's own client: pg's or mysql2's pool, SQLite's handle, PGlite's instance. */
  async nativeClient(user: PoolUser): Promise<unknown> {
    this.#assertOpen(user);
    await this.#diversion()?.assertNativeClient(user);
    return this.#driver.nativeClient(user);
  }

  /** The handle of SQLite or libSQL as it is, opened or not. */
  handle(user: PoolUser): unknown {
    return this.#driver.handle(user);
  }

  /** Borrows a connection from the driver, also where ORMs lease from elsewhere. */
  async borrow(user: PoolUser): Promise<Lease> {
    const dialect = await this.#driver.dialect(user);
    return this.lease(user, dialect.createAdapter().supportsMultipleConnections === false, undefined);
  }

  /** Makes the functions of the one handle those of `user`, while a connection serves several. */
  serve(user: PoolUser): void {
    this.#holder = user;
  }

  /** How long a borrower may wait, in ms. */
  get acquireTimeout(): number {
    return this.#borrowers.ms;
  }

  /** Runs a script by `native`, on the handle of an embedded database, while no other ORM does. */
  async executeDump(user: PoolUser, dump: string, native: () => Promise<void>): Promise<void> {
    const source = this.#diversion();
    await (source ? source.executeDump(user, dump) : this.withHandle(user, native));
  }

  /** Runs `work` on the handle of an embedded database while no other ORM does. */
  async withHandle<T>(user: PoolUser, work: () => Promise<T>): Promise<T> {
    if (this.#holder === user) {
      return work(); // within a transaction of its own, as without this pool
    }
    const lease = await this.lease(user, true, undefined);
    try {
      return await work();
    } finally {
      await lease.release();
    }
  }

  /** Closes as soon as it was not used for a while, and again whenever a late user of it is done. */
  retire(): void {
    this.#isRetired = true;
    this.#closeIfRetired();
  }

  /** Makes each statement that is still to come throw `reason`, those of transactions under way, too; stops what runs on a server. */
  revoke(reason: Error): void {
    this.#isClosed = true;
    this.#borrowers.rejectAll();
    for (const lease of this.#leases) {
      lease.revoke(reason);
    }
  }

  /**
   * Closes now: what waits for a connection, or asks for one later, gets `closed()` of its user. What still runs on a server
   * has a moment, and is not waited for: its connection is thrown away then, or the process would not end.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#borrowers.rejectAll();
    const closing = this.#driver.shut();
    if (this.#leases.size === 0) {
      await closing;
      return;
    }
    closing.catch(() => undefined);
    setTimeout(() => {
      for (const lease of this.#leases) {
        lease.fail(lease.user.errors.closed());
      }
    }, GRACE).unref();
  }

  async #leaseFrom(source: LeaseSource, user: PoolUser): Promise<Leased> {
    this.#assertOpen(user);
    this.#served++;
    return source.lease(user);
  }

  #assertOpen(user: PoolUser): void {
    if (this.#isClosed) {
      throw user.errors.closed();
    }
  }

  /** Lends a connection, in turn. */
  lease(user: PoolUser, isSingle: boolean, options: unknown): Promise<Lease> {
    if (this.#isClosed) {
      return Promise.reject(user.errors.closed());
    }
    const trace = this.#driver.limits.leakAfter === Infinity ? undefined : new Trace();
    const borrower = new Borrower(user, isSingle, trace);
    return this.#borrowers.wait(
      borrower,
      isSingle ? this.#takeHandle(borrower, options) : this.#driver.acquire(borrower, options),
    );
  }

  #lend(borrower: Borrower): Lease {
    const { isSingle, user, since } = borrower;
    this.#served++;
    this.#holder = isSingle ? user : undefined;
    const lease = lend(isSingle ? this.#single : this.#many, borrower);
    this.#leases.add(lease);
    if (borrower.client) {
      this.#watch.start();
    }
    if (diagnostics.connectionAcquired.hasSubscribers) {
      const { name, role } = this.#source;
      diagnostics.connectionAcquired.publish({ name, role, wait: lease.since - since });
    }
    return lease;
  }

  async #takeHandle(borrower: Borrower, options: unknown): Promise<DatabaseConnection> {
    const turn = this.#turns.take();
    if (turn) {
      await turn;
    }
    try {
      this.#assertOpen(borrower.user); // only now: while it waited for its turn, the pool may have been closed
      return await this.#driver.acquire(borrower, options);
    } catch (error) {
      this.#turns.release();
      throw error;
    }
  }

  #undo(late: Borrower): void {
    void this.#driver
      .abandon(late)
      .catch(() => undefined)
      .finally(() => late.isSingle && this.#turns.release());
  }

  #released(lease: Lease, isSingle: boolean): void {
    this.#leases.delete(lease);
    if (diagnostics.connectionReleased.hasSubscribers) {
      const { name, role } = this.#source;
      diagnostics.connectionReleased.publish({ name, role, use: performance.now() - lease.since });
    }
    if (isSingle) {
      this.#holder = undefined;
      this.#turns.release();
    }
    this.#closeIfRetired();
  }

  /** A database that nobody reaches is not a busy one. */
  #explain({ user, since }: Borrower): Error {
    const failure = this.#failure;
    if (failure && failure.at >= since && this.#leases.size === 0) {
      return failure.error as Error;
    }
    if (diagnostics.connectionTimeout.hasSubscribers) {
      const { name, role } = this.#source;
      diagnostics.connectionTimeout.publish({ name, role, wait: performance.now() - since });
    }
    const [oldest] = this.#leases; // in the order in which they were borrowed
    const [max, busy, waiting] = [this.#driver.max ?? 1, this.#leases.size, this.#borrowers.size];
    const cause = explainWait({ max, busy, waiting, oldest, unit: this.#oldestUnitOfWork() });
    return user.errors.overloaded(this.#borrowers.ms, cause);
  }

  #closeIfRetired(): void {
    if (!this.#isRetired || this.#borrowed > 0) {
      return;
    }
    clearTimeout(this.#retiring);
    const close = (): void => {
      if (this.#borrowed === 0) {
        this.#driver.shut().catch(() => undefined);
      }
    };
    if (this.#linger === 0) {
      close();
    } else {
      this.#retiring = setTimeout(close, this.#linger).unref();
    }
  }
}
