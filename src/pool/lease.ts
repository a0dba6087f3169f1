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

/** After one of these has failed, nobody can tell whether a transaction is open, and Kysely never gives the connection back. */
const ENDS_WHEN_IT_FAILS: ReadonlySet<TransactionMethod> = new Set([
  'beginTransaction',
  'commitTransaction',
  'rollbackTransaction',
]);

/** What a lease is made of. */
export interface LeaseParts {
  readonly driver: KyselyDriver;
  readonly connection: DatabaseConnection;
  /** Undefined for an embedded database, whose only handle cannot be thrown away. */
  readonly client: NativeClient | undefined;
  /** Called once, when the connection is back. */
  onRelease(lease: Lease): void;
}

/**
 * A borrowed connection, for one borrower. Once it is released, every use throws, and touches nothing.
 *
 * Stale holders do come back: after a failed COMMIT Kysely's transaction keeps the connection, MikroORM still dispatches
 * `beforeTransactionRollback` with it and then rolls back, and an app may go on with the transaction's context. By then
 * the connection serves another request.
 */
export class Lease implements DatabaseConnection {
  readonly #parts: LeaseParts;
  #isReleased = false;
  /** The last statement failed: the caller has an error already. */
  #failed = false;
  /** Not to be given to another borrower. */
  #isTainted = false;
  #revoked: unknown;

  declare cancelQuery?: NonNullable<DatabaseConnection['cancelQuery']>;
  declare collectSessionInfo?: NonNullable<DatabaseConnection['collectSessionInfo']>;
  declare killSession?: NonNullable<DatabaseConnection['killSession']>;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    const { connection } = parts;
    // Kysely cancels queries by these where the connection has them. With a released one there is nothing to cancel.
    for (const name of ['cancelQuery', 'collectSessionInfo', 'killSession'] as const) {
      const method = connection[name];
      if (method) {
        this[name] = async (...args) => (this.#isReleased ? undefined : method.apply(connection, args));
      }
    }
  }

  async executeQuery(query: unknown, options?: unknown): Promise<unknown> {
    this.#assertUsable();
    this.#failed = true;
    const result = await this.#parts.connection.executeQuery(query, options);
    this.#failed = false;
    return result;
  }

  async *streamQuery(query: unknown, chunkSize?: number, options?: unknown): AsyncIterableIterator<unknown> {
    this.#assertUsable();
    const rows = this.#parts.connection.streamQuery(query, chunkSize, options);
    try {
      for (;;) {
        const { done, value } = await rows.next();
        if (done) {
          return;
        }
        yield value;
        this.#assertUsable();
      }
    } finally {
      if (!this.#isReleased) {
        await rows.return?.();
      }
    }
  }

  /** Begins, ends or divides a transaction. A failure to begin, commit or roll back ends the lease. */
  async control(method: TransactionMethod, args: unknown[]): Promise<void> {
    if (this.#isReleased && method === 'rollbackTransaction') {
      return; // what failed before has ended the transaction
    }
    try {
      if (method !== 'rollbackTransaction') {
        this.#assertUsable();
      }
      this.#failed = false;
      await this.#parts.driver[method]!(this.#parts.connection, ...(args as [never, never]));
    } catch (error) {
      if (ENDS_WHEN_IT_FAILS.has(method) && !this.#isReleased) {
        await this.#endFailed(method);
      }
      throw error;
    }
  }

  /** Gives the connection back; a second call is a no-op. */
  async release(): Promise<void> {
    if (this.#isReleased) {
      return;
    }
    this.#isReleased = true;
    try {
      await this.#giveBack();
    } finally {
      this.#parts.onRelease(this);
    }
  }

  /** Makes every further statement throw `reason`; a rollback still runs. */
  revoke(reason: unknown): void {
    this.#revoked ??= reason;
  }

  async #giveBack(): Promise<void> {
    const { driver, connection, client } = this.#parts;
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

  async #endFailed(method: TransactionMethod): Promise<void> {
    this.#isTainted = true;
    if (!this.#parts.client && method === 'commitTransaction') {
      // the one handle stays, so that nothing may stay open on it: SQLite's COMMIT that fails leaves the transaction open
      await this.#parts.driver.rollbackTransaction(this.#parts.connection).catch(() => undefined);
    }
    await this.release().catch(() => undefined);
  }

  #assertUsable(): void {
    if (this.#isReleased) {
      throw new OrmConfigError(
        'The transaction or the pinned connection has ended, and its connection serves others. Start a new one.',
      );
    }
    if (this.#revoked !== undefined) {
      throw this.#revoked;
    }
  }
}
