import { diagnostics } from '../channels.js';
import { OrmConfigError } from '../errors.js';
import type { DatabaseConnection, KyselyDriver } from '../mikro-orm-internals.js';
import type { Trace } from '../util/trace.js';
import type { WaitLimit } from '../util/wait-limit.js';
import type { Borrower } from './borrowers.js';
import { connectionLost } from './connection-lost.js';
import { giveBack } from './give-back.js';
import type { NativeClient } from './native/native-client.js';
import type { PoolUser } from './pool-user.js';
import { tellQuery, tellStream, type QuerySource } from './tell-query.js';
import { ENDS_WHEN_IT_FAILS, TEXTS, type TransactionMethod } from './transaction-methods.js';

/** Where a lease comes from, and goes back to. */
export interface LeaseOwner {
  /** Whose it is: each message says it. */
  readonly source: QuerySource;
  /** How long a statement may take. */
  readonly queryLimit: WaitLimit<Answer> | undefined;
  /** Called before each statement: rejects where none may run any more; undefined where all is well. */
  readonly guard: (() => Promise<void>) | undefined;
  /** Called when the server has said that it does not write any more. */
  readOnly(): void;
  /** Called once, when the connection is back. */
  released(lease: Lease): void;
}

/** A statement that waits for its answer. */
export interface Answer {
  readonly lease: Lease;
  readonly since: number;
  readonly reject: (error: Error) => void;
}

/** What a lease lends: a borrower's connection. */
export type Lent = Borrower & { readonly driver: KyselyDriver; readonly connection: DatabaseConnection };

/**
 * A borrowed connection, for one borrower. Once it is released, every use throws, and touches nothing.
 *
 * Stale holders do come back: after a failed COMMIT Kysely's transaction keeps the connection, MikroORM still dispatches
 * `beforeTransactionRollback` with it and then rolls back, and an app may go on with the transaction's context. By then
 * the connection serves another request.
 */
export class Lease implements DatabaseConnection {
  readonly #owner: LeaseOwner;
  readonly user: PoolUser;
  /** When it was borrowed, by the monotonic clock. */
  readonly since = performance.now();
  /** Undefined once it is released: whatever still has the lease, it keeps no connection. */
  #lent: Lent | undefined;
  /** The last statement failed: the caller has an error already. */
  #failed = false;
  #statements = 0;
  /** At most one: Kysely sends the statements of a transaction one after the other. */
  #pending: Answer | undefined;
  /** Not to be given to another borrower. */
  #isTainted = false;
  /** Why the connection was thrown away. */
  #failure: Error | undefined;
  #revoked: Error | undefined;

  constructor(owner: LeaseOwner, lent: Lent) {
    this.#owner = owner;
    this.user = lent.user;
    this.#lent = lent;
  }

  get client(): NativeClient | undefined {
    return this.#lent?.client;
  }

  /** Where it was borrowed, where leaks are looked for. */
  get trace(): Trace | undefined {
    return this.#lent?.trace;
  }

  /** The connection of Kysely's driver; undefined once it is released. */
  protected get connection(): DatabaseConnection | undefined {
    return this.#lent?.connection;
  }

  get statements(): number {
    return this.#statements;
  }

  /** Whether a statement waits for its answer. Of an embedded database it is not known. */
  get isWaiting(): boolean {
    return this.#pending !== undefined;
  }

  executeQuery(query: unknown, options?: unknown): Promise<unknown> {
    return diagnostics.query.hasSubscribers
      ? tellQuery(this.#owner.source, query, () => this.#guarded(query, options))
      : this.#guarded(query, options);
  }

  #guarded(query: unknown, options: unknown): Promise<unknown> {
    const guarding = this.#owner.guard?.();
    return guarding ? guarding.then(() => this.#execute(query, options)) : this.#execute(query, options);
  }

  #execute(query: unknown, options: unknown): Promise<unknown> {
    const { connection, client } = this.#usable();
    if (!client) {
      return connection.executeQuery(query, options);
    }
    this.#statements++;
    return this.#answer(connection.executeQuery(query, options));
  }

  streamQuery(query: unknown, chunkSize?: number, options?: unknown): AsyncIterableIterator<unknown> {
    const rows = this.#stream(query, chunkSize, options);
    return diagnostics.query.hasSubscribers ? tellStream(this.#owner.source, query, rows) : rows;
  }

  async *#stream(query: unknown, chunkSize?: number, options?: unknown): AsyncIterableIterator<unknown> {
    await this.#owner.guard?.();
    const { connection, client } = this.#usable();
    const rows = connection.streamQuery(query, chunkSize, options);
    if (client) {
      this.#statements++;
    }
    const next = client ? () => this.#answer(rows.next()) : () => rows.next();
    // pg's cursor waits for ever for a connection that has ended
    const forget = client?.onEnd(() => this.fail(connectionLost()));
    try {
      for (;;) {
        const { done, value } = await next();
        if (done) {
          return;
        }
        yield value;
        this.#usable();
      }
    } finally {
      if (this.#lent && rows.return) {
        await (client ? this.#answer(rows.return()) : rows.return());
      }
      forget?.();
    }
  }

  /** Waits for what a server answers, until the connection is thrown away or the time is up. */
  #answer<T>(executing: Promise<T>): Promise<T> {
    this.#failed = true;
    const limit = this.#owner.queryLimit;
    return new Promise((resolve, reject) => {
      const answer = { lease: this, since: limit ? performance.now() : 0, reject };
      limit?.add(answer);
      this.#pending = answer;
      executing.then(
        result => {
          this.#settle(answer);
          this.#failed = false;
          resolve(result);
        },
        (error: unknown) => {
          this.#settle(answer);
          if (this.#lent?.client?.isReadOnly(error)) {
            this.#isTainted = true;
            this.#owner.readOnly();
          }
          reject(error as Error);
        },
      );
    });
  }

  #settle(answer: Answer): void {
    this.#owner.queryLimit?.delete(answer);
    if (this.#pending === answer) {
      this.#pending = undefined;
    }
  }

  /**
   * Throws the connection away, and asks the server to stop what runs on it: that rejects with `error`, and so does each later
   * statement. The one handle of an embedded database stays.
   */
  fail(error: Error): void {
    const { connection, client } = this.#lent ?? {};
    // pg's is cancelled when its client is destroyed
    if (this.isWaiting && connection?.killSession && !client?.stopsWithIt) {
      const kill = async (): Promise<void> => {
        await connection.collectSessionInfo?.();
        await connection.killSession?.(async () => undefined);
      };
      kill().catch(() => undefined);
    }
    this.discard(error);
  }

  protected discard(error: Error): void {
    if (this.#lent?.client) {
      this.#isTainted = true;
      this.#failure = error;
      const pending = this.#pending;
      if (pending) {
        this.#settle(pending);
        pending.reject(error);
      }
      this.release().catch(() => undefined);
    }
  }

  /** Begins, ends or divides a transaction. A failure to begin, commit or roll back ends the lease. */
  control(method: TransactionMethod, args: unknown[]): Promise<void> {
    if (!this.#lent && method === 'rollbackTransaction') {
      return Promise.resolve(); // what failed before has ended the transaction
    }
    return diagnostics.query.hasSubscribers
      ? tellQuery(this.#owner.source, TEXTS[method], () => this.#control(method, args))
      : this.#control(method, args);
  }

  async #control(method: TransactionMethod, args: unknown[]): Promise<void> {
    const isRollback = method === 'rollbackTransaction';
    try {
      const guarding = isRollback ? undefined : this.#owner.guard?.();
      if (guarding) {
        await guarding;
      }
      const { driver, connection, client } = (isRollback && this.#lent) || this.#usable();
      this.#failed = false;
      const controlling = driver[method]!(connection, ...(args as [never, never]));
      await (client ? this.#answer(controlling) : controlling);
    } catch (error) {
      if (this.#lent && ENDS_WHEN_IT_FAILS.has(method)) {
        await this.#endFailed(this.#lent, method);
      }
      throw error;
    }
  }

  /** Gives the connection back; a second call is a no-op. */
  release(): Promise<void> {
    const lent = this.#lent;
    if (!lent) {
      return Promise.resolve();
    }
    this.#lent = undefined;
    const { client, driver, connection } = lent;
    if (client && !this.#isTainted && client.isIdle() && !client.isInTransaction() && !client.isEnded()) {
      client.used();
      const releasing = driver.releaseConnection(connection); // at once: a server's drivers wait for nothing
      this.#owner.released(this);
      return releasing;
    }
    return this.#end(lent);
  }

  /** The same for a handle, or where something is left on the connection. */
  async #end(lent: Lent): Promise<void> {
    const { client } = lent;
    try {
      await (client
        ? giveBack(lent, client, {
            hasFailed: this.#failed,
            isTainted: this.#isTainted,
            failure: this.#failure,
            statements: this.#statements,
            source: this.#owner.source,
          })
        : lent.driver.releaseConnection(lent.connection));
    } finally {
      this.#owner.released(this);
    }
  }

  /** Makes every further statement throw `reason`. On a server what runs is stopped; a handle is rolled back by its borrower. */
  revoke(reason: Error): void {
    this.#revoked ??= reason;
    this.fail(reason);
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
    if (this.#failure) {
      throw this.#failure;
    }
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
