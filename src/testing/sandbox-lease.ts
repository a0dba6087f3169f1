import { enterTransaction, type DatabaseConnection } from '../mikro-orm-internals.js';
import type { Leased } from '../pool/lease-source.js';
import type { Lease, TransactionMethod } from '../pool/lease.js';
import type { PoolUser } from '../pool/pool-user.js';
import { CallSite } from './call-site.js';
import type { Run, SandboxDatabase, Statement } from './databases/sandbox-database.js';
import { rawQuery } from './raw-query.js';
import { controlOf, isOrdinary, splitStatements, type Control } from './statements.js';
import type { Borrower, Turns } from './turns.js';

/** What Kysely says of a transaction. */
interface TransactionSettings {
  readonly isolationLevel?: string | undefined;
  readonly accessMode?: string | undefined;
}

/** The sandbox, as its leases use it. */
export interface SandboxOwner {
  readonly turns: Turns;
  readonly database: SandboxDatabase;
  /** The borrowed connection: for what the code under test runs, and cancels. */
  readonly connection: Lease;
  /** Runs statements of the sandbox's own. */
  readonly run: Run;
  /** Throws where it has ended, or lost its transaction. */
  assertUsable(user: PoolUser): void;
  /** Says once what means nothing here. */
  say(user: PoolUser, message: string): void;
  /** Makes the connection what a pool would have made it for this borrower. */
  reserve(lease: SandboxLease): Promise<void>;
  /** The state before a transaction of the code under test. */
  begin(): Promise<void>;
  /** What was done so far is not undone by what fails from now on; `before` is run in the same breath. */
  keep(...before: string[]): Promise<void>;
  /** Keeps a statement outside of a transaction: at once where the next error would undo it. */
  keepStatement(): Promise<void>;
  /** Returns to the state before the unit of work. */
  undo(): Promise<void>;
  /** After a statement has failed: the database may have rolled back more than that. */
  noteFailure(error: unknown): void;
}

const CANCEL_METHODS = ['cancelQuery', 'collectSessionInfo', 'killSession'] as const;

/**
 * The connection of a sandbox, as one borrower has it: BEGIN, COMMIT and ROLLBACK are savepoints to it. It keeps the turn
 * for as long as its transaction, else for a statement.
 */
export class SandboxLease implements Leased, Borrower {
  readonly user: PoolUser;
  readonly #sandbox: SandboxOwner;
  place: CallSite;
  #isInTransaction = false;
  #isReadOnly = false;
  #isOver = false;
  #running = 0;
  #lastUse = performance.now();
  #leaveTransaction: (() => void) | undefined;

  declare cancelQuery?: NonNullable<Leased['cancelQuery']>;
  declare collectSessionInfo?: NonNullable<Leased['collectSessionInfo']>;
  declare killSession?: NonNullable<Leased['killSession']>;

  constructor(sandbox: SandboxOwner, user: PoolUser, place: CallSite) {
    this.place = place;
    this.#sandbox = sandbox;
    this.user = user;
    const connection: DatabaseConnection = sandbox.connection;
    for (const name of CANCEL_METHODS) {
      if (connection[name]) {
        this[name] = async (...args) => (this.#isOver ? undefined : connection[name]?.(...args));
      }
    }
  }

  get isInTransaction(): boolean {
    return this.#isInTransaction;
  }

  get idleFor(): number {
    return this.#running > 0 ? 0 : performance.now() - this.#lastUse;
  }

  async executeQuery(query: unknown, options?: unknown): Promise<unknown> {
    const { sql, parameters = [] } = query as Partial<Statement> & { sql: string };
    const { database, connection } = this.#sandbox;
    if (isOrdinary(sql)) {
      return this.#execute({ sql, parameters }, () => connection.executeQuery(query, options));
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
      return this.#execute({ sql, parameters }, () => connection.executeQuery(query, options));
    }
    let result: unknown = { rows: [] };
    for (const statement of statements) {
      const control = controlOf(statement);
      if (control) {
        await this.#controlByText(control, statement);
      } else {
        const raw = { ...rawQuery(database.replace?.(statement) ?? statement), parameters };
        result = await this.#execute(raw, () => connection.executeQuery(raw, options));
      }
    }
    return result;
  }

  async *streamQuery(query: unknown, chunkSize = 100, options?: unknown): AsyncIterableIterator<unknown> {
    const { sql, parameters = [] } = query as Partial<Statement> & { sql: string };
    const { connection } = this.#sandbox;
    const chunks: unknown[] = [];
    await this.#execute({ sql, parameters }, async () => {
      // all of it at once: others have their turn between two rows, and the connection cannot do two things
      for await (const chunk of connection.streamQuery(query, chunkSize, options)) {
        chunks.push(chunk);
      }
    });
    yield* chunks;
  }

  async control(method: TransactionMethod, args: unknown[]): Promise<void> {
    switch (method) {
      case 'beginTransaction':
        return this.#begin((args[0] as TransactionSettings | undefined) ?? {});
      case 'commitTransaction':
        return this.#commit();
      case 'rollbackTransaction':
        return this.#rollback();
      default:
        await this.#execute(undefined, () => this.#sandbox.connection.control(method, args));
    }
  }

  async release(): Promise<void> {
    if (!this.#isOver && this.#isInTransaction) {
      await this.#rollback().catch(() => undefined);
      this.#sandbox.say(
        this.user,
        'A BEGIN by hand left a transaction open on a connection, and it was rolled back. Use em.transactional(), em.begin(), or one pinned connection of Kysely that commits.',
      );
    }
    this.#isOver = true;
  }

  /** Runs `work` while no other borrower uses the connection. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const sandbox = this.#sandbox;
    if (this.#isInTransaction) {
      return work();
    }
    await sandbox.turns.take(this);
    try {
      this.#assertUsable(); // only now: the sandbox may have ended meanwhile
      this.#lastUse = performance.now();
      await sandbox.reserve(this);
      return await work();
    } finally {
      if (!this.#isInTransaction) {
        sandbox.turns.release(this);
      }
    }
  }

  async #execute<T>(statement: Statement | undefined, work: () => Promise<T>): Promise<T> {
    this.#assertUsable();
    const { database } = this.#sandbox;
    return this.inTurn(async () => {
      this.#running++;
      try {
        if (statement) {
          await database.beforeStatement?.(statement, this.#sandbox.run);
        }
        const result = await work();
        if (statement) {
          database.noteStatement?.(statement.sql);
        }
        if (!this.#isInTransaction) {
          await this.#sandbox.keepStatement();
        }
        return result;
      } catch (error) {
        this.#sandbox.noteFailure(error);
        if (!this.#isInTransaction && database.failsAsWhole) {
          await this.#sandbox.undo().catch(() => undefined); // then each statement to come throws
        }
        throw error;
      } finally {
        this.#running--;
        this.#lastUse = performance.now();
      }
    });
  }

  async #begin({ isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    this.#assertUsable();
    const sandbox = this.#sandbox;
    const { hasReadOnly, hasIsolation } = sandbox.database;
    const isReadOnly = accessMode === 'read only';
    if (isolationLevel && hasIsolation) {
      this.#sayIsolation();
    }
    if (isReadOnly && hasIsolation && !hasReadOnly) {
      sandbox.say(
        this.user,
        'In a sandbox, this database cannot refuse to write in a read-only transaction: it is accepted, and means nothing.',
      );
    }
    this.place = new CallSite();
    await this.inTurn(async () => {
      await sandbox.begin();
      this.#isReadOnly = isReadOnly && hasReadOnly;
      if (this.#isReadOnly) {
        await sandbox.run('set transaction read only');
      }
      this.#isInTransaction = true;
      this.#leaveTransaction = enterTransaction(this);
    });
  }

  async #commit(): Promise<void> {
    this.#assertUsable();
    const { database } = this.#sandbox;
    this.#running++;
    try {
      if (this.#isReadOnly) {
        await this.#sandbox.undo(); // nothing was written, and nothing else makes the connection writable again
      } else {
        await this.#sandbox.keep(...(await database.beforeCommit(this.#sandbox.run)));
      }
    } catch (error) {
      this.#sandbox.noteFailure(error);
      await this.#sandbox.undo();
      if (!database.isSilentRollback?.(error)) {
        this.#isOver = true; // as a connection whose COMMIT has failed is nobody's any more
        throw error;
      }
    } finally {
      this.#running--;
      this.#endTransaction();
    }
  }

  async #rollback(): Promise<void> {
    if (this.#isOver || !this.#isInTransaction) {
      return; // what failed before has ended the transaction
    }
    this.#running++;
    try {
      this.#assertUsable();
      await this.#sandbox.undo();
    } finally {
      this.#running--;
      this.#endTransaction();
    }
  }

  #endTransaction(): void {
    this.#isInTransaction = false;
    this.#leaveTransaction?.();
    this.#sandbox.turns.release(this);
  }

  /** BEGIN and its like as a text: within a transaction and outside of one they do what the database does. */
  async #controlByText(control: Control, statement: string): Promise<void> {
    const isMysql = this.#sandbox.database.syntax === 'mysql';
    const isSqlite = !this.#sandbox.database.hasIsolation;
    switch (control) {
      case 'two-phase':
        throw this.user.errors.sandbox(
          `A sandbox could not undo what is prepared by "${statement.slice(0, 40)}": test that against a database from createTestDatabase().`,
        );
      case 'settings':
        this.#assertUsable();
        this.#sayIsolation();
        return;
      case 'commit':
      case 'rollback':
        if (!this.#isInTransaction) {
          if (isSqlite) {
            throw Object.assign(new Error(`cannot ${control} - no transaction is active`), {
              name: 'SqliteError',
              code: 'SQLITE_ERROR',
            });
          }
          return;
        }
        return control === 'commit' ? this.#commit() : this.#rollback();
      default:
        if (this.#isInTransaction && isSqlite) {
          await this.#sandbox.run('begin'); // throws
        }
        if (this.#isInTransaction && isMysql) {
          await this.#commit();
        }
        if (!this.#isInTransaction) {
          await this.#begin({ accessMode: control === 'begin' ? undefined : 'read only' });
        }
    }
  }

  #sayIsolation(): void {
    this.#sandbox.say(
      this.user,
      'A sandbox is one transaction, so an isolation level or another setting of an inner transaction is accepted, and means nothing. Test what depends on it against a database from createTestDatabase().',
    );
  }

  #assertUsable(): void {
    this.#sandbox.assertUsable(this.user);
    if (this.#isOver) {
      throw this.user.errors.sandbox(
        'The transaction or the pinned connection has ended, and its connection serves others. Start a new one.',
      );
    }
  }
}
