import { enterTransaction } from '../mikro-orm-internals.js';
import { CallSite } from './call-site.js';
import type { SandboxOwner } from './sandbox-owner.js';
import type { Control } from './statements.js';
import type { Borrower } from './turns.js';

/** What Kysely says of a transaction. */
export interface TransactionSettings {
  readonly isolationLevel?: string | undefined;
  readonly accessMode?: string | undefined;
}

/** The lease that a transaction belongs to. */
interface TransactionLease extends Borrower {
  place: CallSite;
  /** Throws where the sandbox or the lease has ended. */
  assertUsable(): void;
  /** Runs `work` while no other borrower uses the connection. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Runs `work`, and is not idle meanwhile. */
  whileBusy<T>(work: () => Promise<T>): Promise<T>;
  /** Refuses all that comes later. */
  end(): void;
}

/** The transaction of a borrower: BEGIN, COMMIT and ROLLBACK move the savepoint of the sandbox, or return to it. */
export class SandboxTransaction {
  readonly #sandbox: SandboxOwner;
  readonly #lease: TransactionLease;
  #isOpen = false;
  #isReadOnly = false;
  #leaveTransaction: (() => void) | undefined;

  constructor(sandbox: SandboxOwner, lease: TransactionLease) {
    this.#sandbox = sandbox;
    this.#lease = lease;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async begin({ isolationLevel, accessMode }: TransactionSettings = {}): Promise<void> {
    this.#lease.assertUsable();
    const { connection, database } = this.#sandbox;
    const { hasReadOnly, hasIsolation } = database;
    const isReadOnly = accessMode === 'read only';
    if (isolationLevel && hasIsolation) {
      this.#sayIsolation();
    }
    if (isReadOnly && hasIsolation && !hasReadOnly) {
      this.#sandbox.say(
        this.#lease.user,
        'In a sandbox, this database cannot refuse to write in a read-only transaction: it is accepted, and means nothing.',
      );
    }
    this.#lease.place = new CallSite();
    await this.#lease.inTurn(async () => {
      await connection.begin();
      this.#isReadOnly = isReadOnly && hasReadOnly;
      if (this.#isReadOnly) {
        await connection.run('set transaction read only');
      }
      this.#isOpen = true;
      this.#leaveTransaction = enterTransaction(this.#lease);
    });
  }

  async commit(): Promise<void> {
    this.#lease.assertUsable();
    const { connection, database } = this.#sandbox;
    try {
      await this.#lease.whileBusy(async () => {
        try {
          if (this.#isReadOnly) {
            await connection.undo(); // nothing was written, and nothing else makes the connection writable again
          } else {
            await connection.keep(...(await database.beforeCommit(connection.run)));
          }
        } catch (error) {
          connection.noteFailure(error);
          await connection.undo();
          if (!database.isSilentRollback?.(error)) {
            this.#lease.end(); // as a connection whose COMMIT has failed is nobody's any more
            throw error;
          }
        }
      });
    } finally {
      this.#end();
    }
  }

  /** A no-op where no transaction is open: what failed before may have ended it. */
  async rollback(): Promise<void> {
    if (!this.#isOpen) {
      return;
    }
    try {
      await this.#lease.whileBusy(async () => {
        this.#lease.assertUsable();
        await this.#sandbox.connection.undo();
      });
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#isOpen = false;
    this.#leaveTransaction?.();
    this.#sandbox.turns.release(this.#lease);
  }

  /** BEGIN and its like as a text: within a transaction and outside of one they do what the database does. */
  async controlByText(control: Control, statement: string): Promise<void> {
    const isMysql = this.#sandbox.database.syntax === 'mysql';
    const isSqlite = !this.#sandbox.database.hasIsolation;
    switch (control) {
      case 'two-phase':
        throw this.#lease.user.errors.sandbox(
          `A sandbox could not undo what is prepared by "${statement.slice(0, 40)}": test that against a database from createTestDatabase().`,
        );
      case 'settings':
        this.#lease.assertUsable();
        this.#sayIsolation();
        return;
      case 'commit':
      case 'rollback':
        if (!this.#isOpen) {
          if (isSqlite) {
            throw Object.assign(new Error(`cannot ${control} - no transaction is active`), {
              name: 'SqliteError',
              code: 'SQLITE_ERROR',
            });
          }
          return;
        }
        return control === 'commit' ? this.commit() : this.rollback();
      default:
        if (this.#isOpen && isSqlite) {
          await this.#sandbox.connection.run('begin'); // throws
        }
        if (this.#isOpen && isMysql) {
          await this.commit();
        }
        if (!this.#isOpen) {
          await this.begin({ accessMode: control === 'begin' ? undefined : 'read only' });
        }
    }
  }

  #sayIsolation(): void {
    this.#sandbox.say(
      this.#lease.user,
      'A sandbox is one transaction, so an isolation level or another setting of an inner transaction is accepted, and means nothing. Test what depends on it against a database from createTestDatabase().',
    );
  }
}
