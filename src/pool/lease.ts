import { OrmConfigError } from '../errors.js';
import type { DatabaseConnection, KyselyDriver } from '../mikro-orm-internals.js';
import type { NativeClient } from './native/native-client.js';

/** What a Kysely driver does with the connection of a transaction. */
export const TRANSACTION_METHODS = [
  'beginTransaction',
  'commitTransaction',
  'rollbackTransaction',
  'savepoint',
  'rollbackToSavepoint',
  'releaseSavepoint',
] as const;
export type TransactionMethod = (typeof TRANSACTION_METHODS)[number];

/** What Kysely cancels a query by, where a connection has it. */
const CANCEL_METHODS = ['cancelQuery', 'collectSessionInfo', 'killSession'] as const;

/** After one of these has failed, nobody can tell whether a transaction is open, and Kysely never gives the connection back. */
const ENDS_WHEN_IT_FAILS: ReadonlySet<TransactionMethod> = new Set([
  'beginTransaction',
  'commitTransaction',
  'rollbackTransaction',
]);

/** Where a lease comes from, and goes back to. */
export interface LeaseOwner {
  /** Called once, when the connection is back. */
  released(lease: Lease): void;
}

/** What a lease lends. */
interface Lent {
  readonly driver: KyselyDriver;
  readonly connection: DatabaseConnection;
  /** Undefined for an embedded database, whose only handle cannot be thrown away. */
  readonly client: NativeClient | undefined;
}

/**
 * A borrowed connection, for one borrower. Once it is released, every use throws, and touches nothing.
 *
 * Stale holders do come back: after a failed COMMIT Kysely's transaction keeps the connection, MikroORM still dispatches
 * `beforeTransactionRollback` with it and then rolls back, and an app may go on with the transaction's context. By then
 * the connection serves another request.
 */
export class Lease implements DatabaseConnection {
  readonly #owner: LeaseOwner;
  /** Undefined once it is released: Kysely remembers every lease until the next full garbage collection. */
  #lent: Lent | undefined;
  /** The last statement failed: the caller has an error already. */
  #failed = false;
  /** Not to be given to another borrower. */
  #isTainted = false;
  #revoked: unknown;

  declare cancelQuery?: NonNullable<DatabaseConnection['cancelQuery']>;
  declare collectSessionInfo?: NonNullable<DatabaseConnection['collectSessionInfo']>;
  declare killSession?: NonNullable<DatabaseConnection['killSession']>;

  constructor(owner: LeaseOwner, lent: Lent) {
    this.#owner = owner;
    this.#lent = lent;
    // Kysely cancels queries by these where the connection has them. With a released one there is nothing to cancel.
    for (const name of CANCEL_METHODS) {
      if (lent.connection[name]) {
        this[name] = async (...args) => this.#lent?.connection[name]?.(...args);
      }
    }
  }

  executeQuery(query: unknown, options?: unknown): Promise<unknown> {
    const { connection, client } = this.#usable();
    return client ? this.#watch(connection.executeQuery(query, options)) : connection.executeQuery(query, options);
  }

  async *streamQuery(query: unknown, chunkSize?: number, options?: unknown): AsyncIterableIterator<unknown> {
    const rows = this.#usable().connection.streamQuery(query, chunkSize, options);
    try {
      for (;;) {
        const { done, value } = await rows.next();
        if (done) {
          return;
        }
        yield value;
        this.#usable();
      }
    } finally {
      if (this.#lent) {
        await rows.return?.();
      }
    }
  }

  async #watch(executing: Promise<unknown>): Promise<unknown> {
    this.#failed = true;
    const result = await executing;
    this.#failed = false;
    return result;
  }

  /** Begins, ends or divides a transaction. A failure to begin, commit or roll back ends the lease. */
  async control(method: TransactionMethod, args: unknown[]): Promise<void> {
    const isRollback = method === 'rollbackTransaction';
    if (!this.#lent && isRollback) {
      return; // what failed before has ended the transaction
    }
    try {
      const { driver, connection } = (isRollback && this.#lent) || this.#usable();
      this.#failed = false;
      await driver[method]!(connection, ...(args as [never, never]));
    } catch (error) {
      if (this.#lent && ENDS_WHEN_IT_FAILS.has(method)) {
        await this.#endFailed(this.#lent, method);
      }
      throw error;
    }
  }

  /** Gives the connection back; a second call is a no-op. */
  async release(): Promise<void> {
    const lent = this.#lent;
    if (!lent) {
      return;
    }
    this.#lent = undefined;
    try {
      await this.#giveBack(lent);
    } finally {
      this.#owner.released(this);
    }
  }

  /** Makes every further statement throw `reason`; a rollback still runs. */
  revoke(reason: unknown): void {
    this.#revoked ??= reason;
  }

  async #giveBack({ driver, connection, client }: Lent): Promise<void> {
    if (client && this.#failed && !this.#isTainted && !client.isIdle()) {
      await client.settle();
    }
    if (client && (this.#isTainted || !client.isIdle())) {
      client.destroy();
    } else if (client?.isInTransaction()) {
      client.destroy();
      if (!this.#failed) {
        throw new OrmConfigError(
          'A BEGIN by hand left a transaction open on a connection of the pool, and it was rolled back: the next statement may run on another connection. Use em.transactional(), em.begin(), or one pinned connection of Kysely.',
        );
      }
    } else {
      await driver.releaseConnection(connection);
    }
  }

  async #endFailed({ driver, connection, client }: Lent, method: TransactionMethod): Promise<void> {
    this.#isTainted = true;
    if (!client && method === 'commitTransaction') {
      // the one handle stays, so that nothing may stay open on it: SQLite's COMMIT that fails leaves the transaction open
      await driver.rollbackTransaction(connection).catch(() => undefined);
    }
    await this.release().catch(() => undefined);
  }

  #usable(): Lent {
    if (!this.#lent) {
      throw new OrmConfigError(
        'The transaction or the pinned connection has ended, and its connection serves others. Start a new one.',
      );
    }
    if (this.#revoked !== undefined) {
      throw this.#revoked;
    }
    return this.#lent;
  }
}
