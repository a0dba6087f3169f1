import { followTransactions, reserveHook, type DatabaseConnection } from '../mikro-orm-internals.js';
import type { LeaseSource } from '../pool/lease-source.js';
import type { Lease } from '../pool/lease.js';
import type { PoolUser } from '../pool/pool-user.js';
import type { SharedPool } from '../pool/shared-pool.js';
import { within } from '../util/time-limit.js';
import { warn } from '../util/warn.js';
import { CallSite } from './call-site.js';
import type { SandboxDatabase, Run } from './databases/sandbox-database.js';
import { rawQuery } from './raw-query.js';
import { SandboxLease, type SandboxOwner } from './sandbox-lease.js';
import { splitStatements } from './statements.js';
import { Turns } from './turns.js';

/** The state after the last unit of work (a statement or a transaction) that has succeeded. */
const SAVEPOINT = 'mikro_orm_web_sandbox';

/** How long a server may take to roll back before its connection is thrown away, in ms. */
const PATIENCE = 5_000;

/** What a {@link Sandbox} is made of. */
export interface SandboxParts {
  readonly pool: SharedPool;
  readonly user: PoolUser;
  readonly database: SandboxDatabase;
  /** Where it was opened. */
  readonly place: CallSite;
  /** Makes pools lease from their drivers again. */
  readonly undivert: () => void;
}

/**
 * One connection with one open transaction, which all borrowers take turns on. A savepoint marks the state after the last
 * unit of work: to begin a transaction is to do nothing, to commit it moves the savepoint, to roll back returns to it.
 */
export class Sandbox implements LeaseSource, SandboxOwner {
  readonly turns: Turns;
  readonly database: SandboxDatabase;
  readonly #parts: SandboxParts;
  readonly #said = new Set<string>();
  #held!: Lease;
  #opening: Promise<void> | undefined;
  #isDirty = false;
  #reservedFor: object | undefined;
  #lost: { readonly cause: unknown } | undefined;
  #ending: Promise<void> | undefined;

  constructor(parts: SandboxParts) {
    this.#parts = parts;
    this.database = parts.database;
    this.turns = new Turns(parts.pool.acquireTimeout);
  }

  /** Borrows the connection, and begins the transaction. What is leased meanwhile waits for that. */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { pool, user, database } = this.#parts;
    this.#held = await pool.borrow(user);
    try {
      await this.run(...database.open, `savepoint ${SAVEPOINT}`);
      await database.opened?.(this.run);
    } catch (error) {
      this.#held.fail(error as Error);
      await this.#held.release().catch(() => undefined);
      throw error;
    }
  }

  /** The borrowed connection: for what the code under test runs, and cancels. */
  get connection(): Lease {
    return this.#held;
  }

  get busy(): number {
    return this.turns.size;
  }

  async lease(user: PoolUser): Promise<SandboxLease> {
    const place = new CallSite(); // before the first `await`, which loses it
    await this.open();
    this.assertUsable(user);
    const lease = new SandboxLease(this, user, place);
    followTransactions(user.connection);
    if (this.#hookOf(user)) {
      await lease.inTurn(async () => undefined); // what the hook throws is thrown to the borrower
    }
    return lease;
  }

  async executeDump(user: PoolUser, dump: string): Promise<void> {
    await this.open();
    const { holder } = this.turns;
    const running =
      holder instanceof SandboxLease && holder.isInTransaction && holder.user === user ? holder : undefined;
    const lease = running ?? (await this.lease(user));
    try {
      for (const sql of splitStatements(dump, this.database.syntax)) {
        await lease.executeQuery(rawQuery(sql));
      }
    } finally {
      await (running ? undefined : lease.release());
    }
  }

  async assertNativeClient(user: PoolUser): Promise<void> {
    await this.open();
    // the handle of an embedded database is the connection that the sandbox has
    if (this.#held.client) {
      throw user.errors.sandbox(
        'getNativeClient() gives a pool, whose other connections a sandbox could not undo. Use connection.getClient() or em.getKysely(), which are in it; test what needs the pool against a database from createTestDatabase().',
      );
    }
  }

  assertUsable(user: PoolUser): void {
    if (this.#ending) {
      throw user.errors.sandbox(
        `The sandbox that was opened at ${String(this.#parts.place)} is rolled back already: something has outlived its test. Await all that a test starts before rollback().`,
      );
    }
    if (this.#lost) {
      throw user.errors.sandbox(
        'The sandbox has lost its transaction, and what the test had written with it: the cause says why. Other tests are not concerned.',
        this.#lost.cause,
      );
    }
  }

  /** Says once what means nothing here. */
  say(user: PoolUser, message: string): void {
    if (!this.#said.has(message)) {
      this.#said.add(message);
      warn(user.connection.config, message);
    }
  }

  /** Runs statements of the sandbox's own. */
  readonly run: Run = async (...statements) => {
    const texts = this.database.takesScripts && statements.length > 1 ? [statements.join('; ')] : statements;
    let rows: Record<string, unknown>[] = [];
    for (const sql of texts) {
      ({ rows } = (await this.#held.executeQuery(rawQuery(sql))) as { rows: Record<string, unknown>[] });
    }
    return rows;
  };

  /** Makes the connection what a pool would have made it for `lease`. */
  async reserve(lease: { readonly user: PoolUser }): Promise<void> {
    const { pool } = this.#parts;
    pool.serve(lease.user);
    const hook = this.#hookOf(lease.user);
    if (hook && this.#reservedFor !== lease) {
      this.#reservedFor = lease;
      const held = this.#held;
      const borrowed: DatabaseConnection = {
        executeQuery: (query, options) => held.executeQuery(query, options),
        streamQuery: (query, size, options) => held.streamQuery(query, size, options),
      };
      try {
        await hook(borrowed);
        await this.keep();
      } catch (error) {
        this.#reservedFor = undefined;
        await this.undo();
        throw error;
      }
    }
  }

  /** What was done so far is not undone by what fails from now on; `before` is run in the same breath. */
  async keep(...before: string[]): Promise<void> {
    this.#isDirty = false;
    await this.run(...before, `release savepoint ${SAVEPOINT}`, `savepoint ${SAVEPOINT}`);
  }

  /** Keeps a statement outside of a transaction: at once where the next error would undo it. */
  async keepStatement(): Promise<void> {
    this.#isDirty = true;
    if (this.database.failsAsWhole) {
      await this.#orLose(() => this.keep());
    }
  }

  /** The state before a transaction of the code under test. */
  async begin(): Promise<void> {
    if (this.#isDirty) {
      await this.#orLose(() => this.keep());
    }
    await this.database.beforeTransaction?.(this.run);
  }

  /** Returns to the state before the unit of work. */
  undo(): Promise<void> {
    return this.#orLose(async () => {
      await this.run(`rollback to savepoint ${SAVEPOINT}`);
    });
  }

  /** After a statement has failed: the database may have rolled back more than that. */
  noteFailure(error: unknown): void {
    const { pool, user } = this.#parts;
    if (this.database.hasLost?.(pool.handle(user))) {
      this.#lost ??= { cause: error };
    }
  }

  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    await this.#opening; // and now `#ending` is set: what comes from now on is refused
    const { undivert } = this.#parts;
    this.turns.rejectAll(({ user }) => user.errors.closed());
    const { client } = this.#held;
    try {
      await (client ? within(PATIENCE, this.#undoAll()) : this.#undoAll());
    } catch (error) {
      if (!client) {
        throw error;
      }
      this.#held.fail(error as Error); // the server rolls back what has lost its connection
    } finally {
      undivert();
      await this.#held.release();
    }
  }

  async #undoAll(): Promise<void> {
    // what a handle has lost is rolled back already
    if (this.#held.client || !this.#lost) {
      await this.run(...this.database.undo);
    }
    await this.database.undone?.(this.run);
  }

  async #orLose(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#lost ??= { cause: error };
      throw error;
    }
  }

  #hookOf(user: PoolUser): ReturnType<typeof reserveHook> {
    // Kysely's drivers of embedded databases know no such hook
    return this.#held.client ? reserveHook(user.connection) : undefined;
  }
}
