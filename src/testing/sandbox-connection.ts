import type { Lease } from '../pool/lease.js';
import type { PoolUser } from '../pool/pool-user.js';
import type { SharedPool } from '../pool/shared-pool.js';
import { within } from '../util/time-limit.js';
import type { SandboxDatabase, Run } from './databases/sandbox-database.js';
import { rawQuery } from './raw-query.js';

/** The state after the last unit of work (a statement or a transaction) that has succeeded. */
const SAVEPOINT = 'mikro_orm_web_sandbox';

/** How long a server may take to roll back before its connection is thrown away, in ms. */
const PATIENCE = 5_000;

/**
 * The connection that a sandbox has borrowed, in one open transaction. A savepoint marks the state after the last unit of
 * work: to begin a transaction is to do nothing, to commit it moves the savepoint, to roll back returns to it.
 */
export class SandboxConnection {
  readonly #pool: SharedPool;
  readonly #user: PoolUser;
  readonly #database: SandboxDatabase;
  #held!: Lease;
  #isDirty = false;
  #lost: { readonly cause: unknown } | undefined;

  constructor(pool: SharedPool, user: PoolUser, database: SandboxDatabase) {
    this.#pool = pool;
    this.#user = user;
    this.#database = database;
  }

  /** The connection itself: for what the code under test runs, and cancels. */
  get lease(): Lease {
    return this.#held;
  }

  /** Whether there is a server behind it. */
  get isOfServer(): boolean {
    return this.#held.client !== undefined;
  }

  /** Why the transaction is gone; undefined while it is not. */
  get lost(): { readonly cause: unknown } | undefined {
    return this.#lost;
  }

  /** Borrows it, and begins the transaction. */
  async open(): Promise<void> {
    this.#held = await this.#pool.borrow(this.#user);
    try {
      await this.run(...this.#database.open, `savepoint ${SAVEPOINT}`);
      await this.#database.opened?.(this.run);
    } catch (error) {
      this.#held.fail(error as Error);
      await this.#held.release().catch(() => undefined);
      throw error;
    }
  }

  /** Runs statements of the sandbox's own. */
  readonly run: Run = async (...statements) => {
    const texts = this.#database.takesScripts && statements.length > 1 ? [statements.join('; ')] : statements;
    let rows: Record<string, unknown>[] = [];
    for (const sql of texts) {
      ({ rows } = (await this.#held.executeQuery(rawQuery(sql))) as { rows: Record<string, unknown>[] });
    }
    return rows;
  };

  /** What was done so far is not undone by what fails from now on; `before` is run in the same breath. */
  async keep(...before: string[]): Promise<void> {
    this.#isDirty = false;
    await this.run(...before, `release savepoint ${SAVEPOINT}`, `savepoint ${SAVEPOINT}`);
  }

  /** Keeps a statement outside of a transaction: at once where the next error would undo it. */
  async keepStatement(): Promise<void> {
    this.#isDirty = true;
    if (this.#database.failsAsWhole) {
      await this.#orLose(() => this.keep());
    }
  }

  /** The state before a transaction of the code under test. */
  async begin(): Promise<void> {
    if (this.#isDirty) {
      await this.#orLose(() => this.keep());
    }
    await this.#database.beforeTransaction?.(this.run);
  }

  /** Returns to the state before the unit of work. */
  undo(): Promise<void> {
    return this.#orLose(async () => {
      await this.run(`rollback to savepoint ${SAVEPOINT}`);
    });
  }

  /** After a statement has failed: the database may have rolled back more than that. */
  noteFailure(error: unknown): void {
    if (this.#database.hasLost?.(this.#pool.handle(this.#user))) {
      this.#lost ??= { cause: error };
    }
  }

  /** Undoes all of it, and gives the connection back; `ended` is called between the two. */
  async close(ended: () => void): Promise<void> {
    const { isOfServer } = this;
    try {
      await (isOfServer ? within(PATIENCE, this.#undoAll()) : this.#undoAll());
    } catch (error) {
      if (!isOfServer) {
        throw error;
      }
      this.#held.fail(error as Error); // the server rolls back what has lost its connection
    } finally {
      ended();
      await this.#held.release();
    }
  }

  async #undoAll(): Promise<void> {
    // what a handle has lost is rolled back already
    if (this.isOfServer || !this.#lost) {
      await this.run(...this.#database.undo);
    }
    await this.#database.undone?.(this.run);
  }

  async #orLose(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#lost ??= { cause: error };
      throw error;
    }
  }
}
