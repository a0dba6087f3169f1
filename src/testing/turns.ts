import { currentScope, type TransactionScope } from '../mikro-orm-internals.js';
import type { PoolUser } from '../pool/pool-user.js';
import type { CallSite } from './call-site.js';

/**
 * How long a transaction may do nothing, while code that it has called waits for it, before that counts as a deadlock, in
 * ms: code that nobody awaits (a log, a metric) is in no deadlock, as the transaction goes on.
 */
const STALL = 500;

/** A borrower that has, or wants, the one connection. */
export interface Borrower {
  readonly user: PoolUser;
  readonly place: CallSite;
  /** Milliseconds since its last statement; 0 while one runs. */
  readonly idleFor: number;
}

interface Waiting {
  readonly borrower: Borrower;
  readonly scope: TransactionScope | undefined;
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
  timer?: NodeJS.Timeout;
}

/** Lets one borrower have the connection at a time, in order; and finds those that would wait for themselves. */
export class Turns {
  readonly #waiting = new Set<Waiting>();
  readonly #timeout: number;
  #holder: Borrower | undefined;

  /** `timeout` is how long a borrower may wait, in ms. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  get size(): number {
    return this.#waiting.size + (this.#holder ? 1 : 0);
  }

  get holder(): Borrower | undefined {
    return this.#holder;
  }

  /** Waits for the turn of `borrower`. */
  take(borrower: Borrower): Promise<void> | undefined {
    if (!this.#holder) {
      this.#holder = borrower;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { borrower, scope: currentScope(), since: performance.now(), resolve, reject };
      this.#waiting.add(waiting);
      this.#check(waiting);
    });
  }

  /** Gives the turn to the one that waits for longest; a no-op for a borrower that does not have it. */
  release(borrower: Borrower): void {
    if (this.#holder !== borrower) {
      return;
    }
    const [next] = this.#waiting;
    this.#holder = next?.borrower;
    if (next) {
      this.#end(next);
      next.resolve();
    }
  }

  /** Rejects all that wait. */
  rejectAll(explain: (borrower: Borrower) => Error): void {
    for (const waiting of this.#waiting) {
      this.#end(waiting);
      waiting.reject(explain(waiting.borrower));
    }
  }

  #end(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    clearTimeout(waiting.timer);
  }

  #check(waiting: Waiting): void {
    const { borrower, scope, since } = waiting;
    const holder = this.#holder!;
    const waited = performance.now() - since;
    const left = this.#timeout - waited;
    const isOwn = isWithin(scope, holder);
    const stalled = Math.min(holder.idleFor, waited);
    if (left > 0 && !(isOwn && stalled >= STALL)) {
      const next = isOwn ? STALL - stalled : STALL;
      waiting.timer = setTimeout(() => this.#check(waiting), Math.max(1, Math.min(left, next)));
      return;
    }
    this.#end(waiting);
    waiting.reject(
      borrower.user.errors.sandbox(
        `A sandbox has one connection, and two are needed at once: by the transaction that was begun at ${String(holder.place)}, and ${
          isOwn ? 'within it' : `for ${this.#timeout} ms`
        } at ${String(borrower.place)}. ${
          isOwn
            ? 'Use the EntityManager of that transaction there, or end it first; without a sandbox, the second connection would not see what the first has written.'
            : 'End the transaction sooner, or raise pool.acquireTimeout.'
        }`,
      ),
    );
  }
}

function isWithin(scope: TransactionScope | undefined, holder: Borrower): boolean {
  for (let next = scope; next; next = next.outer) {
    if (next.owner === holder) {
      return true;
    }
  }
  return false;
}
