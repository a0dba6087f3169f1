import { createLease, LEASE_METHODS, type Lease } from './lease.js';
import { createMutex } from '../util/mutex.js';
import { watchReplacement } from './replaced-file.js';
import { setUp, withoutNetworkReport } from './handle-set-up.js';
import {
  driverOptions,
  type DatabaseConnection,
  type Dialect,
  type KyselyDriver,
  type SqlConnection,
} from '../mikro-orm-internals.js';

/** One pool (or one handle of an embedded database) for all ORMs of a process that are attached to it. */
export interface SharedPool {
  /** What a MikroORM connection takes in place of its own dialect. A promise while the driver's own is one (mysql2). */
  dialect(): Dialect | Promise<Dialect>;
  /** The connection that owns the native handle, opened. */
  owner(): Promise<SqlConnection>;
  /** The owner as it is, opened or not. */
  readonly connection: SqlConnection;
  /** Connections in use. */
  readonly busy: number;
  /** Connections handed out so far: above 0, the database was reached. */
  readonly served: number;
  /** Closes as soon as nothing is in use, and again whenever a late user of it is done. */
  retire(): Promise<void>;
  /** Refuses all work from now on, also what is under way: a transaction is rolled back with its next statement. */
  abort(reason: () => Error): void;
  /** Closes now; from then on every use throws what `refuse` returns. */
  close(refuse: () => Error): Promise<void>;
}

/**
 * A pool that opens on first use and closes with its last user. `createOwner` makes a MikroORM connection that belongs
 * to no ORM: it builds MikroORM's own dialect (with its type parsers and hooks), and its driver serves everybody. The
 * handle of a `file` is opened anew when another one has taken its place.
 */
export function createSharedPool(createOwner: () => SqlConnection, file?: string): SharedPool {
  let connection = createOwner();
  let dialect: Dialect | Promise<Dialect> | undefined;
  let opened: Promise<KyselyDriver> | undefined;
  /** What that has led to: a query need not wait for it. */
  let driver: KyselyDriver | undefined;
  let users = 0;
  let busy = 0;
  let served = 0;
  let retired = false;
  let refuse: (() => Error) | undefined;
  let isAborted = false;
  const turns = createMutex();
  const leases = new WeakMap<DatabaseConnection, Lease>();
  const isReplaced = file === undefined ? undefined : watchReplacement(file);

  /** MikroORM's own dialect; for SQLite this opens the file. */
  function native(): Dialect | Promise<Dialect> {
    if (!dialect) {
      const built = withoutNetworkReport(() => connection.createKyselyDialect(driverOptions(connection)));
      dialect = built;
      if (built instanceof Promise) {
        built.then(
          ready => (dialect = ready),
          () => (dialect = undefined),
        );
      }
    }
    return dialect;
  }

  async function openDriver(): Promise<KyselyDriver> {
    const owner = connection;
    const created = (await native()).createDriver();
    await created.init();
    // the owner never connects by itself: that would build a second dialect
    owner.connected = true;
    await setUp(created, owner, file !== undefined);
    return created;
  }

  function open(): Promise<KyselyDriver> {
    if (refuse) {
      throw refuse();
    }
    if (!opened) {
      const attempt = openDriver().then(
        ready => {
          if (opened === attempt) {
            driver = ready; // else it was closed meanwhile
          }
          return ready;
        },
        (error: unknown) => {
          opened = dialect = undefined;
          throw error;
        },
      );
      opened = attempt;
    }
    return opened;
  }

  async function shut(): Promise<void> {
    if (!dialect) {
      return;
    }
    // a dialect that no query has used yet may hold an open file all the same: only its driver can close that
    const closing = opened ?? openDriver();
    opened = dialect = driver = undefined;
    // a later use gets a new owner: PGlite's keeps the instance that is being closed
    connection = createOwner();
    await (await closing).destroy();
  }

  function assertUsable(): void {
    if (isAborted && refuse) {
      throw refuse();
    }
  }

  async function lease(single: boolean, options: unknown): Promise<Lease> {
    busy++;
    const turn = single ? turns.take() : undefined;
    if (turn) {
      await turn;
    }
    const done = single ? doneSingle : doneMany;
    try {
      if (isReplaced?.()) {
        await shut();
      }
      // only now: while it waited for its turn, the pool may have been closed
      const ready = driver && !refuse ? driver : await open();
      const held = await ready.acquireConnection(options);
      served++;
      // Kysely keeps a weak set of all connections that it ever saw: a lease that was given back serves the next borrower
      const known = leases.get(held);
      if (known?.renew()) {
        return known;
      }
      const made = createLease(ready, held, assertUsable, done);
      leases.set(held, made);
      return made;
    } catch (error) {
      done();
      throw error;
    }
  }

  function doneMany(): void {
    busy--;
    if (retired && busy === 0) {
      shut().catch(() => undefined);
    }
  }

  function doneSingle(): void {
    turns.release();
    doneMany();
  }

  /** What each Kysely instance takes for its driver; all of them lead to the one that is opened here. */
  function createDriver(single: boolean): KyselyDriver {
    let attached = false;
    const transactions = LEASE_METHODS.map(method => [
      method,
      (held: DatabaseConnection, ...args: unknown[]) => (held as Lease).call(method, args),
    ]);
    return {
      ...(Object.fromEntries(transactions) as Pick<KyselyDriver, (typeof LEASE_METHODS)[number]>),
      async init() {
        await open();
        attached = true;
        users++;
      },
      acquireConnection: options => lease(single, options),
      releaseConnection: held => (held as Lease).release(),
      async destroy() {
        if (attached) {
          attached = false;
          if (--users === 0) {
            await shut();
          }
        }
      },
    };
  }

  function facade(own: Dialect): Dialect {
    const adapter = own.createAdapter();
    const single = adapter.supportsMultipleConnections === false;
    return {
      // Kysely's mutex is for one instance, the one here is for all of them; two would only wait for each other
      createAdapter: () => Object.create(adapter, { supportsMultipleConnections: { value: true } }),
      createQueryCompiler: () => own.createQueryCompiler(),
      createIntrospector: db => own.createIntrospector(db),
      createDriver: () => createDriver(single),
    };
  }

  return {
    get connection() {
      return connection;
    },
    dialect() {
      if (refuse) {
        throw refuse();
      }
      const own = native();
      return own instanceof Promise ? own.then(facade) : facade(own);
    },
    async owner() {
      await open();
      return connection;
    },
    get busy() {
      return busy;
    },
    get served() {
      return served;
    },
    async retire() {
      retired = true;
      if (busy === 0) {
        await shut();
      }
    },
    abort(reason) {
      refuse = reason;
      isAborted = true;
    },
    async close(reason) {
      refuse = reason;
      const closing = shut();
      // pg's pool ends only when the last client is back: whoever still holds one had its time
      if (busy === 0) {
        await closing;
      } else {
        closing.catch(() => undefined);
      }
    },
  };
}
