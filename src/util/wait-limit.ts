/** One that waits. */
export interface Waiter {
  readonly since: number;
  /** Called once where it takes too long. */
  readonly late: () => void;
}

/** The longest time that a timer of Node.js can wait, in ms. */
const LONGEST = 2 ** 31 - 1;

/** A limit for many waits of the same length: one timer for all, as the one that began first is late first. */
export class WaitLimit {
  readonly ms: number;
  readonly #waiting = new Set<Waiter>();
  #timer: NodeJS.Timeout | undefined;

  /** `ms` may be Infinity. */
  constructor(ms: number) {
    this.ms = ms;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Milliseconds of the longest wait. */
  get longest(): number {
    const [first] = this.#waiting;
    return first ? performance.now() - first.since : 0;
  }

  /** Begins a wait. */
  add(late: () => void): Waiter {
    const waiter = { since: performance.now(), late };
    this.#waiting.add(waiter);
    if (!this.#timer && this.ms !== Infinity) {
      this.#arm(this.ms);
    }
    return waiter;
  }

  /** Ends one; false where it was ended already. */
  delete(waiter: Waiter): boolean {
    return this.#waiting.delete(waiter);
  }

  /** Ends all of them as late. */
  expireAll(): void {
    this.#expire(-Infinity);
  }

  #arm(ms: number): void {
    // after what has come in meanwhile is read: a process that was frozen has kept all waiting
    this.#timer = setTimeout(() => setImmediate(() => this.#expire(this.ms)), Math.min(ms, LONGEST)).unref();
  }

  #expire(ms: number): void {
    const now = performance.now();
    for (const waiter of this.#waiting) {
      if (now - waiter.since < ms) {
        break;
      }
      this.#waiting.delete(waiter);
      waiter.late();
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [first] = this.#waiting;
    if (first && this.ms !== Infinity) {
      this.#arm(Math.max(1, this.ms - (now - first.since)));
    }
  }
}
