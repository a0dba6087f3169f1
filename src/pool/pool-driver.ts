import {
  buildDialect,
  type DatabaseConnection,
  type Dialect,
  type KyselyDriver,
  type SqlConnection,
} from '../mikro-orm-internals.js';
import { setUp, withoutNetworkReport } from './handle-set-up.js';
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
  readonly closedError: () => Error;
}

/** What a driver needs to know beyond its first user. */
export interface PoolDriverOptions {
  /** Packages of the driver, as MikroORM names them: they tell drivers apart where a minifier has renamed the classes. */
  readonly packages: readonly string[];
  /** The file of an embedded database, which is opened anew when another one has taken its place. */
  readonly file?: string | undefined;
}

/** Drivers whose acquired connection is always the one handle. That of libSQL may be opened anew. */
const ONE_HANDLE = ['better-sqlite3', '@electric-sql/pglite'];

/** A user that acquires a connection, and the client that it gets. */
interface Borrowing {
  readonly user: PoolUser;
  client?: NativeClient;
}

/** A connection of the driver, with what Kysely does not show of it: undefined for an embedded database. */
export interface Acquired {
  readonly driver: KyselyDriver;
  readonly connection: DatabaseConnection;
  readonly client: NativeClient | undefined;
}

/**
 * The driver behind a pool: opened on first use, and again after it was shut. It belongs to a MikroORM connection of its own,
 * a copy of the first user's, so that MikroORM's dialect with its type parsers stays. Functions of the config are never that
 * first user's: they are looked up in the ORM that borrows.
 */
export class PoolDriver {
  readonly #options: PoolDriverOptions;
  readonly #makeOwner: () => SqlConnection;
  readonly #borrowing = new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<Borrowing>();
  readonly #functions: SqliteFunctions;
  readonly #isReplaced: (() => boolean) | undefined;
  /** Whether the driver calls hooks, or opens clients, when a connection is acquired: not with one handle that stays open. */
  readonly #hasHooks: boolean;
  #owner: SqlConnection;
  #dialect: Dialect | Promise<Dialect> | undefined;
  #opened: Promise<KyselyDriver> | undefined;
  /** What that has led to: a query need not wait for it. */
  #ready: KyselyDriver | undefined;

  /** `holder` has the one handle of an embedded database. */
  constructor(first: PoolUser, options: PoolDriverOptions, holder: () => PoolUser | undefined) {
    this.#options = options;
    this.#makeOwner = ownerLike(first.connection, () => this.#borrowing.getStore()?.user.connection);
    this.#owner = this.#makeOwner();
    this.#functions = new SqliteFunctions(() => holder()?.connection);
    this.#hasHooks = !options.packages.some(name => ONE_HANDLE.includes(name));
    this.#isReplaced = options.file === undefined ? undefined : watchReplacement(options.file);
  }

  /** MikroORM's own dialect; for SQLite this opens the file. A promise while the driver's own is one (mysql2). */
  dialect(user: PoolUser): Dialect | Promise<Dialect> {
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

  open(user: PoolUser): Promise<KyselyDriver> {
    if (!this.#opened) {
      const attempt = this.#open(user).then(
        driver => {
          if (this.#opened === attempt) {
            this.#ready = driver; // else it was closed meanwhile
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

  /** Takes a connection, with the hooks of `user`. */
  async acquire(user: PoolUser, options: unknown): Promise<Acquired> {
    if (this.#isReplaced?.()) {
      await this.shut();
    }
    const borrowing: Borrowing = { user };
    try {
      const driver = this.#ready ?? (await this.open(user));
      const connection = await (this.#hasHooks
        ? this.#borrowing.run(borrowing, () => driver.acquireConnection(options))
        : driver.acquireConnection(options));
      return { driver, connection, client: borrowing.client };
    } catch (error) {
      // a hook of the config has thrown: Kysely forgets the client that it was called with
      borrowing.client?.destroy();
      throw error;
    }
  }

  /** The driver's own client: pg's or mysql2's pool, SQLite's handle, PGlite's instance. */
  async nativeClient(user: PoolUser): Promise<unknown> {
    await this.open(user);
    return this.#owner.getNativeClient();
  }

  /** The handle of SQLite or libSQL as it is, opened or not. */
  handle(user: PoolUser): unknown {
    return this.#functions.handleFor(this.#owner.database, user.connection);
  }

  /** Closes what is open; a later use opens anew. */
  async shut(): Promise<void> {
    if (!this.#dialect) {
      return;
    }
    const [dialect, opened] = [this.#dialect, this.#opened];
    this.#opened = this.#dialect = this.#ready = undefined;
    // a later use gets a new owner: PGlite's keeps the instance that is being closed
    this.#owner = this.#makeOwner();
    if (opened) {
      await (await opened).destroy();
      return;
    }
    // a dialect that no query has used yet may hold an open file all the same: only its driver can close that
    const driver = (await dialect).createDriver();
    await driver.init();
    await driver.destroy();
  }

  async #open(user: PoolUser): Promise<KyselyDriver> {
    const owner = this.#owner;
    const driver = (await this.dialect(user)).createDriver();
    // the owner never connects by itself: that would build a second dialect
    owner.connected = true;
    await this.#borrowing.run({ user }, async () => {
      await driver.init();
      await setUp(driver, owner, this.#options.file !== undefined);
    });
    this.#functions.restore(owner.database);
    await this.#observe(owner);
    return driver;
  }

  /** Learns of each client of a server which borrower has it. */
  async #observe(owner: SqlConnection): Promise<void> {
    const { packages } = this.#options;
    const observe = packages.includes('pg')
      ? observePgPool
      : packages.includes('mysql2')
        ? observeMysqlPool
        : undefined;
    observe?.(await owner.getNativeClient(), () => {
      const borrowing = this.#borrowing.getStore();
      return borrowing && (client => (borrowing.client ??= client));
    });
  }
}
