import type { Dialect, KyselyDriver } from '../mikro-orm-internals.js';
import { Mutex } from '../util/mutex.js';
import { Lease, TRANSACTION_METHODS, type LeaseOwner } from './lease.js';
import { PoolDriver, type Acquired, type PoolDriverOptions, type PoolUser } from './pool-driver.js';

export type { PoolUser } from './pool-driver.js';

/** Settings of a {@link SharedPool}. */
export interface SharedPoolOptions extends PoolDriverOptions {
  /** How long a retired pool stays open without use, in ms. */
  readonly linger: number;
  /** Called when the last user has detached: what attaches later may have other settings. */
  readonly onUnused: () => void;
}

/**
 * One pool (or one handle of an embedded database) for all ORMs of a process that are attached to it. It opens on first
 * use, and closes when its last user detaches.
 */
export class SharedPool {
  readonly #linger: number;
  readonly #onUnused: () => void;
  readonly #driver: PoolDriver;
  readonly #turns = new Mutex();
  readonly #leases = new Set<Lease>();
  /** Reject those that wait for a connection of the driver's own pool. */
  readonly #waiting = new Set<() => void>();
  #users = 0;
  #busy = 0;
  #served = 0;
  #isRetired = false;
  #retiring: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** The user that has the one handle of an embedded database. */
  #holder: PoolUser | undefined;
  readonly #single = this.#ownerOf(true);
  readonly #many = this.#ownerOf(false);

  constructor(first: PoolUser, { linger, onUnused, ...options }: SharedPoolOptions) {
    this.#linger = linger;
    this.#onUnused = onUnused;
    this.#driver = new PoolDriver(first, options, () => this.#holder);
  }

  /** Connections in use, and borrowers that wait for one. */
  get busy(): number {
    return this.#busy;
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
          this.#rejectWaiting();
          await this.#driver.shut();
        }
      }
    };
  }

  /** What the connection of `user` takes in place of its own dialect. A promise while the driver's own is one (mysql2). */
  dialect(user: PoolUser): Dialect | Promise<Dialect> {
    this.#assertOpen(user);
    const native = this.#driver.dialect(user);
    return native instanceof Promise ? native.then(dialect => this.#facade(dialect, user)) : this.#facade(native, user);
  }

  /** The driver's own client: pg's or mysql2's pool, SQLite's handle, PGlite's instance. */
  async nativeClient(user: PoolUser): Promise<unknown> {
    this.#assertOpen(user);
    return this.#driver.nativeClient(user);
  }

  /** The handle of SQLite or libSQL as it is, opened or not. */
  handle(user: PoolUser): unknown {
    return this.#driver.handle(user);
  }

  /** Runs `work` on the handle of an embedded database while no other ORM does. */
  async withHandle<T>(user: PoolUser, work: () => Promise<T>): Promise<T> {
    if (this.#holder === user) {
      return work(); // within a transaction of its own, as without this pool
    }
    const lease = await this.#lease(user, true, undefined);
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

  /** Makes each statement that is still to come throw `reason`, those of transactions under way, too. */
  revoke(reason: unknown): void {
    this.#isClosed = true;
    this.#rejectWaiting();
    for (const lease of this.#leases) {
      lease.revoke(reason);
    }
  }

  /** Closes now: what waits for a connection, or asks for one later, gets its user's `closedError()`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#rejectWaiting();
    const closing = this.#driver.shut();
    // pg's pool ends only when the last client is back: those that still hold one had their time
    if (this.#leases.size === 0) {
      await closing;
    } else {
      closing.catch(() => undefined);
    }
  }

  #assertOpen(user: PoolUser): void {
    if (this.#isClosed) {
      throw user.closedError();
    }
  }

  #rejectWaiting(): void {
    this.#turns.cancel();
    for (const reject of this.#waiting) {
      reject();
    }
    this.#waiting.clear();
  }

  async #lease(user: PoolUser, isSingle: boolean, options: unknown): Promise<Lease> {
    this.#busy++;
    try {
      const turn = isSingle ? this.#turns.take(user.closedError) : undefined;
      if (turn) {
        await turn;
      }
    } catch (error) {
      this.#busy--;
      throw error;
    }
    try {
      this.#assertOpen(user); // only now: while it waited for its turn, the pool may have been closed
      const acquiring = this.#driver.acquire(user, options);
      return this.#hand(user, isSingle, await (isSingle ? acquiring : this.#unlessClosed(user, acquiring)));
    } catch (error) {
      this.#done(isSingle);
      throw error;
    }
  }

  /** Rejects once the pool is closed; what is acquired after that goes back. */
  #unlessClosed(user: PoolUser, acquiring: Promise<Acquired>): Promise<Acquired> {
    return new Promise((resolve, reject) => {
      const abandon = (): void => reject(user.closedError());
      this.#waiting.add(abandon);
      acquiring.then(
        acquired => {
          if (this.#waiting.delete(abandon)) {
            resolve(acquired);
          } else {
            acquired.driver.releaseConnection(acquired.connection).catch(() => undefined);
          }
        },
        (error: unknown) => {
          this.#waiting.delete(abandon);
          reject(error as Error);
        },
      );
    });
  }

  #hand(user: PoolUser, isSingle: boolean, acquired: Acquired): Lease {
    this.#served++;
    this.#holder = isSingle ? user : undefined;
    const lease = new Lease(isSingle ? this.#single : this.#many, acquired);
    this.#leases.add(lease);
    return lease;
  }

  #ownerOf(isSingle: boolean): LeaseOwner {
    return {
      released: lease => {
        this.#leases.delete(lease);
        this.#done(isSingle);
      },
    };
  }

  #done(isSingle: boolean): void {
    this.#busy--;
    if (isSingle) {
      this.#holder = undefined;
      this.#turns.release();
    }
    this.#closeIfRetired();
  }

  #closeIfRetired(): void {
    if (!this.#isRetired || this.#busy > 0) {
      return;
    }
    clearTimeout(this.#retiring);
    const close = (): void => {
      if (this.#busy === 0) {
        this.#driver.shut().catch(() => undefined);
      }
    };
    if (this.#linger === 0) {
      close();
    } else {
      this.#retiring = setTimeout(close, this.#linger).unref();
    }
  }

  #facade(native: Dialect, user: PoolUser): Dialect {
    const adapter = native.createAdapter();
    const isSingle = adapter.supportsMultipleConnections === false;
    return {
      // Kysely's mutex is for one instance, the one here is for all of them; two would only wait for each other
      createAdapter: () => Object.create(adapter, { supportsMultipleConnections: { value: true } }),
      createQueryCompiler: () => native.createQueryCompiler(),
      createIntrospector: db => native.createIntrospector(db),
      createDriver: () => this.#createDriver(user, isSingle),
    };
  }

  /** What each Kysely instance takes for its driver. */
  #createDriver(user: PoolUser, isSingle: boolean): KyselyDriver {
    const control = TRANSACTION_METHODS.map(method => [
      method,
      (lease: Lease, ...args: unknown[]) => lease.control(method, args),
    ]);
    return {
      ...(Object.fromEntries(control) as Pick<KyselyDriver, (typeof TRANSACTION_METHODS)[number]>),
      init: async () => {
        this.#assertOpen(user);
        await this.#driver.open(user);
      },
      acquireConnection: options => this.#lease(user, isSingle, options),
      releaseConnection: lease => (lease as Lease).release(),
      destroy: async () => undefined, // the pool is everybody's: it closes when the last ORM detaches
    };
  }
}
