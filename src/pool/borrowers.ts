import { WaitLimit } from '../util/wait-limit.js';
import type { PoolUser } from './pool-user.js';

/** Those that wait for a connection: each for a limited time, and none beyond the pool's end. */
export class Borrowers {
  readonly #limit: WaitLimit;
  /** Why it took too long, for a wait that began at `since`. */
  readonly #explain: (user: PoolUser, since: number) => Error;
  #isClosing = false;

  constructor(ms: number, explain: (user: PoolUser, since: number) => Error) {
    this.#limit = new WaitLimit(ms);
    this.#explain = explain;
  }

  /** How many wait. */
  get size(): number {
    return this.#limit.size;
  }

  /** Milliseconds that each may wait. */
  get ms(): number {
    return this.#limit.ms;
  }

  /** Resolves with what `acquiring` leads to; what comes too late is given to `undo`. */
  wait<T>(user: PoolUser, acquiring: Promise<T>, undo: (late: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiter = this.#limit.add(() =>
        reject(this.#isClosing ? user.errors.closed() : this.#explain(user, waiter.since)),
      );
      acquiring.then(
        acquired => {
          if (this.#limit.delete(waiter)) {
            resolve(acquired);
          } else {
            undo(acquired);
          }
        },
        (error: unknown) => {
          this.#limit.delete(waiter);
          reject(error as Error);
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
}
