import { isUnreachable } from './connection-lost.js';

/** How long a replica that was out of reach is left alone, in ms. */
const PAUSE = 5_000;

/** Lets the primary stand in for a replica that cannot be reached. One borrower at a time finds out whether it is back. */
export class StandIn {
  #triesAgainAt = 0;
  #isTrying = false;

  /** What `replica` leads to, or `primary` where it is out of reach; `onAway` is called when that begins. */
  async take<T>(replica: () => Promise<T>, primary: () => Promise<T>, onAway: (error: unknown) => void): Promise<T> {
    const wasAway = this.#triesAgainAt > 0;
    if (wasAway && (this.#isTrying || performance.now() < this.#triesAgainAt)) {
      return primary();
    }
    this.#isTrying ||= wasAway;
    try {
      const taken = await replica();
      this.#triesAgainAt = 0;
      return taken;
    } catch (error) {
      if (!isUnreachable(error)) {
        throw error;
      }
      if (this.#triesAgainAt === 0) {
        onAway(error);
      }
      this.#triesAgainAt = performance.now() + PAUSE;
    } finally {
      this.#isTrying &&= !wasAway;
    }
    return primary();
  }
}
