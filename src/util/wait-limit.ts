/** One that waits, since a time of the monotonic clock. */
export interface Waiter {
  readonly since: number;
}

/** The longest time that a timer of Node.js can wait, in ms. */
const LONGEST = 2 ** 31 - 1;

/** A limit for many waits of the same length: one timer for all, as the one that began first is late first. */
export class WaitLimit<W extends Waiter> {
  readonly ms: number;
  readonly #late: (waiter: W) => void;
  readonly #waiting = new Set<W>();
  #timer: NodeJS.Timeout | undefined;

  /** `late` is called once for each that takes longer than `ms`, which may be Infinity. */
  constructor(ms: number, late: (waiter: W) => void) {
    this.ms = ms;
    this.#late = late;
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
  add(waiter: W): void {
    this.#waiting.add(waiter);
    if (!this.#timer && this.ms !== Infinity) {
      this.#arm(this.ms);
    }
  }

  /** Ends one; false where it was ended already. */
  delete(waiter: W): boolean {
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
      this.#late(waiter);
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [first] = this.#waiting;
    if (first && this.ms !== Infinity) {
      this.#arm(Math.max(1, this.ms - (now - first.since)));
    }
  }
}
