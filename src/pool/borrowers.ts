import type { DatabaseConnection, KyselyDriver } from '../mikro-orm-internals.js';
import type { Trace } from '../util/trace.js';
import { WaitLimit } from '../util/wait-limit.js';
import type { NativeClient } from './native/native-client.js';
import type { PoolUser } from './pool-user.js';

/** One that asks for a connection, and what it gets. */
export class Borrower {
  readonly user: PoolUser;
  /** Whether it asks for the one handle of an embedded database. */
  readonly isSingle: boolean;
  /** Where it asked, where leaks are looked for. */
  readonly trace: Trace | undefined;
  readonly since = performance.now();
  /** The driver that it asks, as soon as that is open. */
  driver: KyselyDriver | undefined;
  connection: DatabaseConnection | undefined;
  /** What Kysely does not show of the connection: undefined for an embedded database, whose one handle cannot be thrown away. */
  client: NativeClient | undefined;
  reject: ((error: Error) => void) | undefined;

  constructor(user: PoolUser, isSingle: boolean, trace: Trace | undefined) {
    this.user = user;
    this.isSingle = isSingle;
    this.trace = trace;
  }
}

/** What lends the connections. */
export interface Lender<R> {
  /** Lends a borrower its connection. */
  lend(borrower: Borrower): R;
  /** Takes back the connection of one that does not wait any more. */
  undo(late: Borrower): void;
  /** Called where a borrower gets no connection. */
  failed(error: unknown): void;
  /** Why one has waited for too long. */
  explain(late: Borrower): Error;
}

/** Those that wait for a connection: each for a limited time, and none beyond the pool's end. */
export class Borrowers<R> {
  readonly #limit: WaitLimit<Borrower>;
  readonly #lender: Lender<R>;
  #isClosing = false;

  /** Each may wait for `ms`. */
  constructor(ms: number, lender: Lender<R>) {
    this.#lender = lender;
    this.#limit = new WaitLimit(ms, late =>
      this.#fail(late, this.#isClosing ? late.user.errors.closed() : lender.explain(late)),
    );
  }

  /** How many wait. */
  get size(): number {
    return this.#limit.size;
  }

  /** Milliseconds that each may wait. */
  get ms(): number {
    return this.#limit.ms;
  }

  /** Resolves with what is lent once `acquiring` has led to a connection; one that comes too late is taken back. */
  wait(borrower: Borrower, acquiring: Promise<DatabaseConnection>): Promise<R> {
    return new Promise((resolve, reject) => {
      borrower.reject = reject;
      this.#limit.add(borrower);
      acquiring.then(
        connection => {
          borrower.connection = connection;
          if (this.#limit.delete(borrower)) {
            resolve(this.#lender.lend(borrower));
          } else {
            this.#lender.undo(borrower);
          }
        },
        (error: unknown) => {
          // a hook of the config has thrown: Kysely forgets the client that it was called with
          borrower.client?.destroy();
          if (this.#limit.delete(borrower)) {
            this.#fail(borrower, error);
          }
        },
      );
    });
  }

  /** Rejects all that wait, as the pool is closed. */
  rejectAll(): void {
    this.#isClosing = true;
    this.#limit.expireAll();
    this.#isClosing = false;
  }

  #fail(borrower: Borrower, error: unknown): void {
    this.#lender.failed(error);
    borrower.reject?.(error as Error);
  }
}
