import { connectionLost } from './connection-lost.js';
import type { NativeClient } from './native/native-client.js';

/** A borrowed connection, as the watch sees it. */
export interface Watched {
  readonly client: NativeClient | undefined;
  /** Statements so far. */
  readonly statements: number;
  /** Whether a statement waits for its answer. */
  readonly isWaiting: boolean;
  /** Throws the connection away; what waits rejects with `error`. */
  fail(error: Error): void;
}

export interface SilenceWatchOptions {
  /** How long a connection may be silent before the server is asked, in ms. */
  readonly patience: number;
  readonly leases: () => Iterable<Watched>;
  /**
   * Asks the server, on a new connection, which of these it does not work for; undefined where that cannot be told. Rejects
   * where it cannot be reached.
   */
  readonly ask: (clients: readonly NativeClient[]) => Promise<ReadonlySet<NativeClient> | undefined>;
  /** Called when connections were lost. */
  readonly onLost: () => void;
}

/** How often it looks within its patience. */
const LOOKS = 4;

/** How often in a row the server must be out of reach before what waits for it is given up. */
const UNREACHABLE = 2;

/**
 * Tells a query that takes long from one that nobody answers. TCP takes a quarter of an hour to notice that the other side
 * is gone, and a driver nothing at all. So where nothing has come on a connection for a while, the server is asked on a new
 * one whether it works for that session: if it knows the session and does nothing for it, the question or the answer was
 * lost. Costs nothing for a query that is answered in time.
 */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  /** What was seen of each at the last looks: how often in a row it was just the same. */
  #seen = new Map<Watched, { readonly statements: number; readonly bytesRead: number; readonly looks: number }>();
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #unreachable = 0;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
  }

  /** To be called when a connection is borrowed: nothing is watched while none is. */
  start(): void {
    this.#timer ??= setInterval(() => this.#look(), this.#options.patience / LOOKS).unref();
  }

  #look(): void {
    const before = this.#seen;
    const now: typeof before = new Map();
    let isIdle = true;
    for (const lease of this.#options.leases()) {
      isIdle = false;
      const { client, statements, isWaiting } = lease;
      if (client && isWaiting) {
        const { bytesRead } = client;
        const last = before.get(lease);
        const isSame = last?.statements === statements && last.bytesRead === bytesRead;
        now.set(lease, { statements, bytesRead, looks: isSame ? last.looks + 1 : 0 });
      }
    }
    this.#seen = now;
    if (isIdle) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#unreachable = 0;
      return;
    }
    const silent = [...now].filter(([, { looks }]) => looks >= LOOKS - 1).map(([lease]) => lease);
    if (silent.length > 0 && !this.#isAsking) {
      this.#isAsking = true;
      void this.#ask(silent).finally(() => (this.#isAsking = false));
    }
  }

  async #ask(silent: readonly Watched[]): Promise<void> {
    const seen = this.#seen;
    const clients = silent.map(({ client }) => client!);
    let lost: ReadonlySet<NativeClient> | undefined;
    try {
      lost = await this.#options.ask(clients);
      this.#unreachable = 0;
    } catch {
      lost = ++this.#unreachable < UNREACHABLE ? undefined : new Set(clients);
    }
    const dead = silent.filter(lease => {
      const { client, statements, isWaiting } = lease;
      const then = seen.get(lease);
      const isSame = then?.statements === statements && then.bytesRead === client?.bytesRead;
      return client && lost?.has(client) && isWaiting && isSame;
    });
    for (const lease of dead) {
      lease.fail(connectionLost());
    }
    if (dead.length > 0) {
      this.#options.onLost();
    }
  }
}
