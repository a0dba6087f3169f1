import type { DatabaseConnection } from '../mikro-orm-internals.js';
import type { Leased } from '../pool/lease-source.js';
import type { TransactionMethod } from '../pool/transaction-methods.js';
import type { PoolUser } from '../pool/pool-user.js';
import type { CallSite } from './call-site.js';
import type { Statement } from './databases/sandbox-database.js';
import { rawQuery } from './raw-query.js';
import type { SandboxOwner } from './sandbox-owner.js';
import { SandboxTransaction, type TransactionSettings } from './sandbox-transaction.js';
import { controlOf, isOrdinary, splitStatements } from './statements.js';
import type { Borrower } from './turns.js';

const CANCEL_METHODS = ['cancelQuery', 'collectSessionInfo', 'killSession'] as const;

/**
 * The connection of a sandbox, as one borrower has it: BEGIN, COMMIT and ROLLBACK are savepoints to it. It keeps the turn
 * for as long as its transaction, else for a statement.
 */
export class SandboxLease implements Leased, Borrower {
  readonly user: PoolUser;
  readonly #sandbox: SandboxOwner;
  readonly #transaction: SandboxTransaction;
  place: CallSite;
  #isOver = false;
  #running = 0;
  #lastUse = performance.now();

  declare cancelQuery?: NonNullable<Leased['cancelQuery']>;
  declare collectSessionInfo?: NonNullable<Leased['collectSessionInfo']>;
  declare killSession?: NonNullable<Leased['killSession']>;

  constructor(sandbox: SandboxOwner, user: PoolUser, place: CallSite) {
    this.place = place;
    this.#sandbox = sandbox;
    this.user = user;
    this.#transaction = new SandboxTransaction(sandbox, this);
    const connection: DatabaseConnection = sandbox.connection.lease;
    for (const name of CANCEL_METHODS) {
      if (connection[name]) {
        this[name] = async (...args) => (this.#isOver ? undefined : connection[name]?.(...args));
      }
    }
  }

  get isInTransaction(): boolean {
    return this.#transaction.isOpen;
  }

  get idleFor(): number {
    return this.#running > 0 ? 0 : performance.now() - this.#lastUse;
  }

  async executeQuery(query: unknown, options?: unknown): Promise<unknown> {
    const { sql, parameters = [] } = query as Partial<Statement> & { sql: string };
    const { database } = this.#sandbox;
    const { lease } = this.#sandbox.connection;
    if (isOrdinary(sql)) {
      return this.#execute({ sql, parameters }, () => lease.executeQuery(query, options));
    }
    const statements = splitStatements(sql, database.syntax);
    for (const statement of statements) {
      const reason = database.refuse?.(statement);
      if (reason) {
        throw this.user.errors.sandbox(reason);
      }
    }
    const isSpecial = (statement: string): boolean =>
      controlOf(statement) !== undefined || database.replace?.(statement) !== undefined;
    if (!statements.some(isSpecial)) {
      return this.#execute({ sql, parameters }, () => lease.executeQuery(query, options));
    }
    let result: unknown = { rows: [] };
    for (const statement of statements) {
      const control = controlOf(statement);
      if (control) {
        await this.#transaction.controlByText(control, statement);
      } else {
        const raw = { ...rawQuery(database.replace?.(statement) ?? statement), parameters };
        result = await this.#execute(raw, () => lease.executeQuery(raw, options));
      }
    }
    return result;
  }

  async *streamQuery(query: unknown, chunkSize = 100, options?: unknown): AsyncIterableIterator<unknown> {
    const { sql, parameters = [] } = query as Partial<Statement> & { sql: string };
    const { lease } = this.#sandbox.connection;
    const chunks: unknown[] = [];
    await this.#execute({ sql, parameters }, async () => {
      // all of it at once: others have their turn between two rows, and the connection cannot do two things
      for await (const chunk of lease.streamQuery(query, chunkSize, options)) {
        chunks.push(chunk);
      }
    });
    yield* chunks;
  }

  async control(method: TransactionMethod, args: unknown[]): Promise<void> {
    switch (method) {
      case 'beginTransaction':
        return this.#transaction.begin(args[0] as TransactionSettings | undefined);
      case 'commitTransaction':
        return this.#transaction.commit();
      case 'rollbackTransaction':
        return this.#transaction.rollback();
      default:
        await this.#execute(undefined, () => this.#sandbox.connection.lease.control(method, args));
    }
  }

  async release(): Promise<void> {
    if (this.isInTransaction) {
      await this.#transaction.rollback().catch(() => undefined);
      this.#sandbox.say(
        this.user,
        'A BEGIN by hand left a transaction open on a connection, and it was rolled back. Use em.transactional(), em.begin(), or one pinned connection of Kysely that commits.',
      );
    }
    this.end();
  }

  /** Runs `work` while no other borrower uses the connection. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const sandbox = this.#sandbox;
    if (this.isInTransaction) {
      return work();
    }
    await sandbox.turns.take(this);
    try {
      this.assertUsable(); // only now: the sandbox may have ended meanwhile
      this.#lastUse = performance.now();
      await sandbox.reserve(this);
      return await work();
    } finally {
      if (!this.isInTransaction) {
        sandbox.turns.release(this);
      }
    }
  }

  async #execute<T>(statement: Statement | undefined, work: () => Promise<T>): Promise<T> {
    this.assertUsable();
    const { connection, database } = this.#sandbox;
    return this.inTurn(() =>
      this.whileBusy(async () => {
        try {
          if (statement) {
            await database.beforeStatement?.(statement, connection.run);
          }
          const result = await work();
          if (statement) {
            database.noteStatement?.(statement.sql);
          }
          if (!this.isInTransaction) {
            await connection.keepStatement();
          }
          return result;
        } catch (error) {
          connection.noteFailure(error);
          if (!this.isInTransaction && database.failsAsWhole) {
            await connection.undo().catch(() => undefined); // then each statement to come throws
          }
          throw error;
        }
      }),
    );
  }

  /** Runs `work`, and is not idle meanwhile. */
  async whileBusy<T>(work: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#lastUse = performance.now();
    }
  }

  /** Refuses all that comes later. */
  end(): void {
    this.#isOver = true;
  }

  /** Throws where the sandbox or this lease has ended. */
  assertUsable(): void {
    this.#sandbox.assertUsable(this.user);
    if (this.#isOver) {
      throw this.user.errors.sandbox(
        'The transaction or the pinned connection has ended, and its connection serves others. Start a new one.',
      );
    }
  }
}
