import type { PoolLimits } from '../pool-options.js';

/** The driver's own client behind a connection of a server: what Kysely does not show of it. */
export abstract class NativeClient {
  /** The server that it leads to, as the server names itself; undefined where that is not known (a pooler in between). */
  server: string | undefined;
  /** Wall clock and monotonic clock: the second stands still while a machine sleeps, and the first may be set back. */
  #usedAt = Number.NaN;
  #usedAtMonotonic = Number.NaN;

  /** Whether the server stops what it does for the client when that is destroyed; else its session has to be killed. */
  abstract readonly stopsWithIt: boolean;
  /** Whether it is out of the driver's pool. */
  abstract readonly isBorrowed: boolean;
  /** The number by which the server lists the session. */
  abstract readonly session: number | undefined;
  /** Bytes that have come from the server so far. */
  abstract readonly bytesRead: number;
  /** Whether it is between two statements. One that is not (a query that timed out, an open cursor) serves nobody else. */
  abstract isIdle(): boolean;
  /** Whether the connection has ended, as far as this process has heard. */
  abstract isEnded(): boolean;
  /** Whether the server says that a transaction is open; undefined where the driver does not tell. */
  abstract isInTransaction(): boolean | undefined;
  /** Resolves as soon as it is idle, or after a short while. */
  abstract settle(): Promise<void>;
  /** Runs a statement that says nothing to the borrower. */
  abstract query(sql: string): Promise<Record<string, unknown>[]>;
  /** Asks for a sign of life. */
  abstract ping(): Promise<unknown>;
  /** Whether an error says that the server does not write any more: after a failover, a new connection finds the one that does. */
  abstract isReadOnly(error: unknown): boolean;
  /** Calls `listener` when the connection ends; the function that is returned takes it back. */
  abstract onEnd(listener: () => void): () => void;
  /** Closes its socket and takes it out of the driver's pool, which may then open another one. */
  abstract destroy(): void;

  /** Milliseconds since it was used; undefined if it is new. */
  get idleTime(): number | undefined {
    const idle = Math.max(Date.now() - this.#usedAt, performance.now() - this.#usedAtMonotonic);
    return Number.isNaN(idle) ? undefined : idle;
  }

  /** To be called when it is given back. */
  used(): void {
    this.#usedAt = Date.now();
    this.#usedAtMonotonic = performance.now();
  }
}

/** Decides whether a client is handed out; one that is refused is thrown away, and the pool asked for the next. */
export type Admit = (client: NativeClient) => true | Promise<boolean>;

/** The driver's own pool. */
export interface NativePool {
  /** How many clients it may have. */
  readonly max: number;
  /** Those that it has now. */
  clients(): Iterable<NativeClient>;
  /** Closes all sockets, those that still connect, too. */
  destroy(): void;
}

/** What is particular to the driver of a server. */
export interface NativeDriver {
  /** Driver options by which it keeps to the limits. What the user has set wins. */
  options(limits: PoolLimits): Record<string, unknown>;
  /** Whether the user's driver options have a limit of their own for a wait of this kind. */
  limits(given: Record<string, unknown>, name: keyof PoolLimits): boolean;
  /** Observes a pool: asks `expect`, when a client is requested, who decides on it. */
  observe(pool: unknown, limits: PoolLimits, expect: () => Admit | undefined): NativePool;
  /** One row: the `server`, by a name that no other one has, and the `session`. */
  readonly identify: string;
  /** The `session`s among these that the server works for, and those that it has and does not work for. */
  sessions(numbers: readonly number[]): string;
}
