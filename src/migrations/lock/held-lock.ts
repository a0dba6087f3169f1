import { within } from '../../util/time-limit.js';
import type { DatabaseLock } from './database-lock.js';

/** How often the connection that holds a lock is asked: to learn that it is lost, and as servers drop idle ones. In ms. */
const HEARTBEAT = 1_000;

/** How long it may take to answer, in ms. */
const PATIENCE = 5_000;

/** For how long an answer is proof that the lock is held, in ms: beyond that, this process has slept or was frozen. */
const PROOF = 2 * HEARTBEAT;

/**
 * A lock while it is held: knows when it is lost. The server may end its connection while this process is frozen, and then
 * another process migrates; so a holder that wakes up has to ask before it goes on.
 */
export class HeldLock {
  readonly #lock: DatabaseLock;
  readonly #lost = new AbortController();
  readonly #explain: (cause: unknown) => Error;
  #heartbeat: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;
  /** When the question was asked that was answered last, by both clocks: one may stand still while a machine sleeps. */
  #proved: readonly [wall: number, monotonic: number];

  /** `explain` makes the error of those who go on without it. */
  constructor(lock: DatabaseLock, explain: (cause: unknown) => Error) {
    this.#lock = lock;
    this.#explain = explain;
    this.#proved = now();
    this.#heartbeat = setInterval(() => void this.#ask().catch(() => undefined), HEARTBEAT).unref();
    lock.onLost(() => this.#lose(new Error('The connection of the lock has ended')));
  }

  /** Aborted when the lock is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Rejects where the lock is not held any more. Asks the server where what it said last is old. */
  async assertHeld(): Promise<void> {
    // a process that was frozen for a moment goes on before it has read that the connection has ended
    await turn();
    await turn();
    if (this.#lock.isLost()) {
      this.#lose(new Error('The connection of the lock has ended'));
    }
    this.#lost.signal.throwIfAborted();
    const [wall, monotonic] = now();
    if (Math.max(wall - this.#proved[0], monotonic - this.#proved[1]) >= PROOF) {
      await this.#ask();
    }
  }

  /** Ends the heartbeat. */
  end(): void {
    clearInterval(this.#heartbeat);
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#touch().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #touch(): Promise<void> {
    this.#lost.signal.throwIfAborted();
    const asked = now();
    try {
      await within(PATIENCE, this.#lock.touch());
    } catch (cause) {
      this.#lose(cause);
    }
    this.#lost.signal.throwIfAborted();
    this.#proved = asked;
  }

  #lose(cause: unknown): void {
    this.end();
    this.#lost.abort(this.#explain(cause));
  }
}

/** Resolves after the sockets were read. */
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

const now = (): readonly [wall: number, monotonic: number] => [Date.now(), performance.now()];
