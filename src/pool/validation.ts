import { within } from '../util/time-limit.js';
import { connectionLost } from './connection-lost.js';
import type { NativeClient, NativeDriver } from './native/native-client.js';
import type { PoolLimits } from './pool-options.js';

/** A connection that was idle for longer may have ended without this process having heard of it: it was frozen, say. In ms. */
const UNHEARD = 100;

/** What it validates. */
export interface Validated {
  readonly clients: () => Iterable<NativeClient>;
  /** Called for each that is thrown away when somebody would borrow it, and for how long it was idle, in ms. */
  readonly onFailed: (reason: 'ended' | 'no-answer', idle: number) => void;
}

/**
 * Decides whether a client of the driver's pool is handed out. One that was idle for a while may be dead, and nobody knows:
 * a router has forgotten it, the server's machine is gone, this process was frozen.
 */
export class Validation {
  readonly #driver: NativeDriver;
  readonly #limits: PoolLimits;
  readonly #pool: Validated;

  constructor(driver: NativeDriver, limits: PoolLimits, pool: Validated) {
    this.#driver = driver;
    this.#limits = limits;
    this.#pool = pool;
  }

  /** True for one that was in use just now, without any delay. */
  admit(client: NativeClient): true | Promise<boolean> {
    if (this.#limits.validateAfter === Infinity) {
      return true;
    }
    const { idleTime } = client;
    if (idleTime === undefined) {
      return this.#identify(client);
    }
    return idleTime < UNHEARD && idleTime < this.#limits.validateAfter && !client.isEnded()
      ? true
      : this.#inspect(client, idleTime);
  }

  /** Throws away all that are idle: what made one of them die was no matter of that one. */
  distrust(): void {
    for (const client of this.#pool.clients()) {
      if (!client.isBorrowed) {
        client.destroy();
      }
    }
  }

  async #inspect(client: NativeClient, idleTime: number): Promise<boolean> {
    // until the sockets were read: timers run before that, and what another socket has called runs before the next time
    await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
    if (client.isEnded()) {
      this.#pool.onFailed('ended', idleTime);
      return false;
    }
    if (idleTime < this.#limits.validateAfter) {
      return true;
    }
    try {
      await within(this.#limits.validateTimeout, client.ping());
      return true;
    } catch {
      this.distrust();
      this.#pool.onFailed('no-answer', idleTime);
      return false;
    }
  }

  /** Learns of a new one which session of which server it is: later, the server may be asked what it does. */
  async #identify(client: NativeClient): Promise<boolean> {
    client.used();
    const asking = client.query(this.#driver.identify).then(
      ([row]) => {
        // of another session where a pooler is in between
        client.server = Number(row?.['session']) === client.session ? String(row?.['server']) : undefined;
      },
      () => undefined, // a server that does not know these functions
    );
    await within(this.#limits.connectTimeout, asking, connectionLost);
    return true;
  }
}
