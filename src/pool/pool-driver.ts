import { diagnostics, type PoolMessage } from '../channels.js';
import {
  buildDialect,
  driverOptions,
  type DatabaseConnection,
  type Dialect,
  type KyselyDriver,
  type SqlConnection,
} from '../mikro-orm-internals.js';
import type { Borrower } from './borrowers.js';
import { endInTime } from './end-in-time.js';
import { findUnknown } from './find-unknown.js';
import { setUp, withoutNetworkReport } from './handle-set-up.js';
import { limitsBeside } from './limits-beside.js';
import type { NativeClient, NativeDriver, NativePool } from './native/native-client.js';
import { nativeDriverOf } from './native/native-driver.js';
import { asksBorrower, ownerLike } from './owner-connection.js';
import type { PoolLimits } from './pool-options.js';
import type { PoolUser } from './pool-user.js';
import { watchReplacement } from './replaced-file.js';
import { SideConnection } from './side-connection.js';
import { SqliteFunctions } from './sqlite-functions.js';
import { Validation } from './validation.js';

/** What a driver needs to know beyond its first user. */
export interface PoolDriverOptions {
  /** Packages of the driver, as MikroORM names them: they tell drivers apart where a minifier has renamed the classes. */
  readonly packages: readonly string[];
  /** The file of an embedded database, which is opened anew when another one has taken its place. */
  readonly file?: string | undefined;
  readonly limits: PoolLimits;
  /** Whose pool it is: each of its messages says it. */
  readonly source: PoolMessage;
}

/** What asks for a connection, and the client that it gets. */
type Asking = Pick<Borrower, 'user' | 'client'>;

/**
 * The driver behind a pool: opened on first use, and again after it was shut. It belongs to a MikroORM connection of its own,
 * a copy of the first user's, so that MikroORM's dialect with its type parsers stays. Functions of the config are never that
 * first user's: they are looked up in the ORM that borrows.
 */
export class PoolDriver {
  /** Those of the options, without the ones that the driver options set for the driver to keep. */
  readonly limits: PoolLimits;
  readonly #options: PoolDriverOptions;
  readonly #makeOwner: () => SqlConnection;
  readonly #asking = new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<Asking>();
  readonly #functions: SqliteFunctions;
  readonly #native: NativeDriver | undefined;
  readonly #validation: Validation | undefined;
  readonly #isReplaced: (() => boolean) | undefined;
  readonly #asksBorrower: boolean;
  /** The borrower for which the driver's pool is being asked, during that call. */
  #requesting: Asking | undefined;
  #owner: SqlConnection;
  #dialect: Dialect | Promise<Dialect> | undefined;
  #opened: Promise<KyselyDriver> | undefined;
  /** What that has led to: a query need not wait for it. */
  #ready: KyselyDriver | undefined;
  /** The driver's own pool, on a server. */
  #pool: NativePool | undefined;

  /** `holder` has the one handle of an embedded database. */
  constructor(first: PoolUser, options: PoolDriverOptions, holder: () => PoolUser | undefined) {
    this.#options = options;
    this.#native = nativeDriverOf(options.packages);
    this.limits = limitsBeside(driverOptions(first.connection), options.limits, this.#native);
    this.#validation =
      this.#native &&
      new Validation(this.#native, this.limits, {
        clients: () => this.clients(),
        onFailed: (reason, idle) => {
          if (diagnostics.validationFailed.hasSubscribers) {
            diagnostics.validationFailed.publish({ ...options.source, reason, idle });
          }
        },
      });
    this.#makeOwner = ownerLike(
      first.connection,
      () => this.#asking.getStore()?.user.connection,
      this.#native?.options(this.limits),
    );
    this.#owner = this.#makeOwner();
    this.#functions = new SqliteFunctions(() => holder()?.connection);
    this.#asksBorrower = asksBorrower(first.connection);
    this.#isReplaced = options.file === undefined ? undefined : watchReplacement(options.file);
  }

  /** MikroORM's own dialect; for SQLite this opens the file. A promise while the driver's own is one (mysql2). */
  dialect(user: PoolUser): Dialect | Promise<Dialect> {
    if (!this.#dialect) {
      const owner = this.#owner;
      const built = this.#asking.run({ user, client: undefined }, () =>
        withoutNetworkReport(() => buildDialect(owner)),
      );
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

  /** Takes a connection for `borrower`, with the hooks of its ORM. */
  acquire(borrower: Borrower, options: unknown): Promise<DatabaseConnection> {
    return this.#ready && !this.#isReplaced
      ? this.#request(this.#ready, borrower, options)
      : this.#openFor(borrower, options);
  }

  async #openFor(borrower: Borrower, options: unknown): Promise<DatabaseConnection> {
    if (this.#isReplaced?.()) {
      await this.shut();
    }
    return this.#request(this.#ready ?? (await this.open(borrower.user)), borrower, options);
  }

  /** An async context costs more than the rest of a request, so that there is one only where something may ask for it later. */
  #request(driver: KyselyDriver, borrower: Borrower, options: unknown): Promise<DatabaseConnection> {
    borrower.driver = driver;
    if (this.#asksBorrower) {
      return this.#asking.run(borrower, () => driver.acquireConnection(options));
    }
    this.#requesting = borrower;
    try {
      return driver.acquireConnection(options); // drivers ask their pool before they wait for anything
    } finally {
      this.#requesting = undefined;
    }
  }

  /** Gives back what nobody waits for any more. */
  async abandon({ driver, connection, client }: Borrower): Promise<void> {
    client?.used();
    await driver!.releaseConnection(connection!);
  }

  /** How many connections it may have; undefined before it was opened, and of an embedded database. */
  get max(): number | undefined {
    return this.#pool?.max;
  }

  /** What is open now; of an embedded database it is not known here whether its handle is idle. */
  get size(): { readonly open: number; readonly idle: number | undefined; readonly max: number } {
    if (!this.#native) {
      const open = this.#ready ? 1 : 0;
      return { open, idle: undefined, max: open };
    }
    const clients = [...this.clients()];
    return { open: clients.length, idle: clients.filter(({ isBorrowed }) => !isBorrowed).length, max: this.max ?? 0 };
  }

  /** The clients of a server that it has now. */
  clients(): Iterable<NativeClient> {
    return this.#pool?.clients() ?? [];
  }

  /** Throws away all connections that are idle. */
  distrust(): void {
    this.#validation?.distrust();
  }

  /** Those of these that the server does not work for; undefined where it cannot tell. */
  async findUnknown(clients: readonly NativeClient[]): Promise<ReadonlySet<NativeClient> | undefined> {
    const native = this.#native;
    return (
      native &&
      findUnknown(clients, native, () => SideConnection.open(this.#makeOwner(), this.#options.packages, this.limits))
    );
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
    const [dialect, opened, pool] = [this.#dialect, this.#opened, this.#pool];
    this.#opened = this.#dialect = this.#ready = this.#pool = undefined;
    // a later use gets a new owner: PGlite's keeps the instance that is being closed
    this.#owner = this.#makeOwner();
    if (opened) {
      await endInTime((await opened).destroy(), pool);
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
    await this.#asking.run({ user, client: undefined }, async () => {
      await driver.init();
      await setUp(driver, owner, this.#options.file !== undefined);
    });
    this.#functions.restore(owner.database);
    await this.#observe(owner);
    return driver;
  }

  /** Learns of each client of a server which borrower has it, and lets none pass that is dead. */
  async #observe(owner: SqlConnection): Promise<void> {
    if (!this.#native) {
      return;
    }
    this.#pool = this.#native.observe(await owner.getNativeClient(), this.limits, () => {
      const asking = this.#requesting ?? this.#asking.getStore();
      return asking && (client => this.#admit(client, asking));
    });
  }

  #admit(client: NativeClient, asking: Asking): true | Promise<boolean> {
    const isAdmitted = this.#validation!.admit(client);
    if (isAdmitted === true) {
      asking.client = client;
      return true;
    }
    return isAdmitted.then(isGood => {
      if (isGood) {
        asking.client = client;
      }
      return isGood;
    });
  }
}
