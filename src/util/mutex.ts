/** Lets one holder in at a time, in the order in which they came. */
export class Mutex {
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  /** Returns undefined where it is the caller's turn already, which costs nothing; else a promise to wait for. */
  take(): Promise<void> | undefined {
    if (this.#taken) {
      return new Promise(resolve => this.#waiting.push(resolve));
    }
    this.#taken = true;
    return undefined;
  }

  /** Wakes the longest-waiting caller. */
  release(): void {
    const next = this.#waiting.shift();
    this.#taken = next !== undefined;
    next?.();
  }
}
