interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
  /** What to throw if the wait is cancelled. */
  cancelled(): Error;
}

/** Lets one holder in at a time, in the order in which they came. */
export class Mutex {
  #waiting: Waiting[] = [];
  #taken = false;

  /**
   * Returns undefined where it is the caller's turn already, which costs nothing; else a promise to wait for, which rejects
   * with `cancelled()` if the wait is cancelled.
   */
  take(cancelled: () => Error): Promise<void> | undefined {
    if (this.#taken) {
      return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject, cancelled }));
    }
    this.#taken = true;
    return undefined;
  }

  /** Wakes the longest-waiting caller. */
  release(): void {
    const next = this.#waiting.shift();
    this.#taken = next !== undefined;
    next?.resolve();
  }

  /** Rejects every caller that waits. */
  cancel(): void {
    for (const { reject, cancelled } of this.#waiting.splice(0)) {
      reject(cancelled());
    }
  }
}
