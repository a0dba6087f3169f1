/** Lets one holder in at a time, in the order in which they came. */
export interface Mutex {
  /** Undefined where it is your turn already, which costs nothing; else wait for it. */
  take(): Promise<void> | undefined;
  /** Hands over to who waits longest. */
  release(): void;
}

export function createMutex(): Mutex {
  const waiting: (() => void)[] = [];
  let taken = false;
  return {
    take() {
      if (taken) {
        return new Promise(resolve => waiting.push(resolve));
      }
      taken = true;
      return undefined;
    },
    release() {
      const next = waiting.shift();
      taken = next !== undefined;
      next?.();
    },
  };
}
