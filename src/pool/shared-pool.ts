import { AsyncLocalStorage } from 'node:async_hooks';
import {
  buildDialect,
  type DatabaseConnection,
  type Dialect,
  type KyselyDriver,
  type SqlConnection,
} from '../mikro-orm-internals.js';
import { Mutex } from '../util/mutex.js';
import { setUp, withoutNetworkReport } from './handle-set-up.js';
import { Lease, TRANSACTION_METHODS } from './lease.js';
import { observeMysqlPool } from './native/mysql.js';
import type { NativeClient } from './native/native-client.js';
import { observePgPool } from './native/postgresql.js';
import { ownerLike } from './owner-connection.js';
import { watchReplacement } from './replaced-file.js';
import { SqliteFunctions } from './sqlite-functions.js';

/** An ORM that uses a pool, by one of its connections. */
export interface PoolUser {
  readonly connection: SqlConnection;
  /** What to throw once the pool is closed: made here, so that its class is the one that the ORM's module graph knows. */
  closedError(): Error;
}

/** Settings of a {@link SharedPool}. */
export interface SharedPoolOptions {
  /** Packages of the driver, as MikroORM names them: they tell drivers apart where a minifier has renamed the classes. */
  readonly packages: readonly string[];
  /** The file of an embedded database, which is opened anew when another one has taken its place. */
  readonly file?: string | undefined;
  /** How long a retired pool stays open without use, in ms. */
  readonly linger: number;
}

/** A borrower that waits for a connection, and what it gets. */
interface Borrowing {
  readonly user: PoolUser;
  client?: NativeClient;
}

/**
 * One pool (or one handle of an embedded database) for all ORMs of a process that are attached to it. It opens on first
 * use, and closes when its last user detaches.
 *
 * The driver that does the work belongs to a MikroORM connection of the pool's own, a copy of the first user's, so that
 * MikroORM's dialect with its type parsers stays. Functions of the config are never that first user's: they are looked up in
 * the ORM that borrows.
 */
export class SharedPool {
  readonly #options: SharedPoolOptions;
  readonly #makeOwner: () => SqlConnection;
  readonly #borrowing = new AsyncLocalStorage<Borrowing>();
  readonly #turns = new Mutex();
  readonly #leases = new Set<Lease>();
  readonly #waiting = new Set<() => void>();
  readonly #functions = new SqliteFunctions(() => this.#holder?.connection);
  readonly #isReplaced: (() => boolean) | undefined;
  #owner: SqlConnection;
  #dialect: Dialect | Promise<Dialect> | undefined;
  #opened: Promise<KyselyDriver> | undefined;
  /** What that has led to: a query need not wait for it. */
  #driver: KyselyDriver | undefined;
  #users = 0;
  #busy = 0;
  #served = 0;
  #isRetired = false;
  #retiring: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** Who has the one handle of an embedded database. */
  #holder: PoolUser | undefined;

  constructor(first: PoolUser, options: SharedPoolOptions) {
    this.#options = options;
    this.#makeOwner = ownerLike(first.connection, () => this.#borrowing.getStore()?.user.connection);
    this.#owner = this.#makeOwner();
    this.#isReplaced = options.file === undefined ? undefined : watchReplacement(options.file);
  }

  /** Connections in use, and borrowers that wait for one. */
  get busy(): number {
    return this.#busy;
  }

  /** Connections handed out so far: above 0, the database was reached. */
  get served(): number {
    return this.#served;
  }

  /** Counts one more user; the function that is returned counts it out, and closes the pool after the last one. */
  attach(): () => Promise<void> {
    this.#users++;
    let isAttached = true;
    return async () => {
      if (isAttached) {
        isAttached = false;
        if (--this.#users === 0) {
          await this.#shut();
        }
      }
    };
  }

  /** What the connection of `user` takes in place of its own dialect. A promise while the driver's own is one (mysql2). */
  dialect(user: PoolUser): Dialect | Promise<Dialect> {
    this.#assertOpen(user);
    const native = this.#native(user);
    return native instanceof Promise ? native.then(dialect => this.#facade(dialect, user)) : this.#facade(native, user);
  }

  /** The driver's own client: pg's or mysql2's pool, SQLite's handle, PGlite's instance. */
  async nativeClient(user: PoolUser): Promise<unknown> {
    await this.#open(user);
    return this.#owner.getNativeClient();
  }

  /** The handle of SQLite or libSQL as it is, opened or not. */
  handle(user: PoolUser): unknown {
    return this.#functions.handleFor(this.#owner.database, user.connection);
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

  /** Closes now: whoever waits for a connection, or asks for one later, gets its `closedError()`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#rejectWaiting();
    const closing = this.#shut();
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
    for (const reject of this.#waiting) {
      reject();
    }
    this.#waiting.clear();
  }

  /** MikroORM's own dialect; for SQLite this opens the file. */
  #native(user: PoolUser): Dialect | Promise<Dialect> {
    if (!this.#dialect) {
      const owner = this.#owner;
      const built = this.#borrowing.run({ user }, () => withoutNetworkReport(() => buildDialect(owner)));
      this.#dialect = built;
      if (built instanceof Promise) {
        built.then(
          ready => this.#dialect === built && (this.#dialect = ready),
          () => this.#dialect === built && (this.#dialect = undefined),
        );
      }
    }
    return this.#dialect;
  }

  async #openDriver(user: PoolUser): Promise<KyselyDriver> {
    const owner = this.#owner;
    const driver = (await this.#native(user)).createDriver();
    // the owner never connects by itself: that would build a second dialect
    owner.connected = true;
    await this.#borrowing.run({ user }, async () => {
      await driver.init();
      await setUp(driver, owner, this.#options.file !== undefined);
    });
    this.#functions.restore(owner.database);
    const observe = this.#options.packages.includes('pg')
      ? observePgPool
      : this.#options.packages.includes('mysql2')
        ? observeMysqlPool
        : undefined;
    observe?.(await owner.getNativeClient(), () => {
      const borrowing = this.#borrowing.getStore();
      return borrowing && (client => (borrowing.client ??= client));
    });
    return driver;
  }

  #open(user: PoolUser): Promise<KyselyDriver> {
    this.#assertOpen(user);
    if (!this.#opened) {
      const attempt = this.#openDriver(user).then(
        driver => {
          if (this.#opened === attempt) {
            this.#driver = driver; // else it was closed meanwhile
          }
          return driver;
        },
        (error: unknown) => {
          if (this.#opened === attempt) {
            this.#opened = this.#dialect = undefined;
            this.#owner = this.#makeOwner(); // PGlite's keeps the instance that failed
          }
          throw error;
        },
      );
      this.#opened = attempt;
    }
    return this.#opened;
  }

  async #shut(): Promise<void> {
    if (!this.#dialect) {
      return;
    }
    // a dialect that no query has used yet may hold an open file all the same: only its driver can close that
    const closing = this.#opened ?? (await this.#dialect).createDriver();
    const isOpen = this.#opened !== undefined;
    this.#opened = this.#dialect = this.#driver = undefined;
    // a later use gets a new owner: PGlite's keeps the instance that is being closed
    this.#owner = this.#makeOwner();
    const driver = await closing;
    if (!isOpen) {
      await driver.init();
    }
    await driver.destroy();
  }

  #lease(user: PoolUser, isSingle: boolean, options: unknown): Promise<Lease> {
    this.#busy++;
    return new Promise((resolve, reject) => {
      const abandon = (): void => reject(user.closedError());
      this.#waiting.add(abandon);
      this.#acquire(user, isSingle, options).then(
        lease => {
          if (this.#waiting.delete(abandon)) {
            resolve(lease);
          } else {
            lease.release().catch(() => undefined); // rejected meanwhile
          }
        },
        (error: unknown) => {
          this.#waiting.delete(abandon);
          reject(error as Error);
        },
      );
    });
  }

  async #acquire(user: PoolUser, isSingle: boolean, options: unknown): Promise<Lease> {
    const turn = isSingle ? this.#turns.take() : undefined;
    if (turn) {
      await turn;
    }
    const borrowing: Borrowing = { user };
    try {
      if (this.#isReplaced?.()) {
        await this.#shut();
      }
      // only now: while it waited for its turn, the pool may have been closed
      const driver = this.#driver && !this.#isClosed ? this.#driver : await this.#open(user);
      const connection = await this.#borrowing.run(borrowing, () => driver.acquireConnection(options));
      if (isSingle) {
        this.#holder = user;
      }
      return this.#hand(driver, connection, borrowing.client, isSingle);
    } catch (error) {
      // a hook of the config has thrown: Kysely forgets the client that it was called with
      borrowing.client?.destroy();
      this.#done(isSingle);
      throw error;
    }
  }

  #hand(
    driver: KyselyDriver,
    connection: DatabaseConnection,
    client: NativeClient | undefined,
    isSingle: boolean,
  ): Lease {
    this.#served++;
    const onRelease = (lease: Lease): void => {
      this.#leases.delete(lease);
      this.#done(isSingle);
    };
    const lease = new Lease({ driver, connection, client, onRelease });
    this.#leases.add(lease);
    return lease;
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
    if (this.#options.linger === 0) {
      this.#shut().catch(() => undefined);
      return;
    }
    this.#retiring = setTimeout(() => {
      if (this.#busy === 0) {
        this.#shut().catch(() => undefined);
      }
    }, this.#options.linger);
    this.#retiring.unref();
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
      init: async () => void (await this.#open(user)),
      acquireConnection: options => this.#lease(user, isSingle, options),
      releaseConnection: lease => (lease as Lease).release(),
      destroy: async () => undefined, // the pool is everybody's: it closes when the last ORM detaches
    };
  }
}
