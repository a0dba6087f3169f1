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

  /** Resolves with what `take` makes of what `acquiring` leads to; what comes too late is given to `undo`. */
  wait<T, R>(
    user: PoolUser,
    acquiring: Promise<T>,
    { take, undo, failed }: { take(acquired: T): R; undo(late: T): void; failed(error: unknown): void },
  ): Promise<R> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        failed(error);
        reject(error as Error);
      };
      const waiter = this.#limit.add(() =>
        fail(this.#isClosing ? user.errors.closed() : this.#explain(user, waiter.since)),
      );
      acquiring.then(
        acquired => {
          if (this.#limit.delete(waiter)) {
            resolve(take(acquired));
          } else {
            undo(acquired);
          }
        },
        (error: unknown) => {
          if (this.#limit.delete(waiter)) {
            fail(error);
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
}
