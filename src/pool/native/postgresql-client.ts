import { NativeClient } from './native-client.js';
import { cancel, type PgSession } from './postgresql-cancel.js';

type Event = 'readyForQuery' | 'end';

/** The parts of `Client` of pg that are read here; seen in pg 8.11 to 8.23. */
export interface PgClient extends PgSession {
  readonly readyForQuery: boolean;
  readonly _queryable?: boolean;
  /** `I` idle, `T` in a transaction, `E` in a failed one. Since pg 8.16. */
  getTransactionStatus?(): string | null;
  readonly connection?: {
    readonly stream: {
      readonly bytesRead?: number;
      readonly destroyed?: boolean;
      readonly readableEnded?: boolean;
      destroy(): void;
    };
    once(event: Event, listener: () => void): void;
    removeListener(event: Event, listener: () => void): void;
  };
  query(sql: string): Promise<{ rows: Record<string, unknown>[] }>;
  release(error?: Error): void;
}

/** How long the end of a failed statement may take to arrive after its error, in ms. */
const SETTLE = 50;

/** A client of pg. */
export class PgNativeClient extends NativeClient {
  readonly stopsWithIt = true;
  readonly #client: PgClient;
  #isDestroyed = false;
  isBorrowed = true;

  constructor(client: PgClient) {
    super();
    this.#client = client;
  }

  get session(): number | undefined {
    return this.#client.processID ?? undefined;
  }

  get bytesRead(): number {
    return this.#client.connection?.stream.bytesRead ?? 0;
  }

  isIdle(): boolean {
    return this.#client.readyForQuery;
  }

  isEnded(): boolean {
    const { stream } = this.#client.connection ?? {};
    return this.#isDestroyed || this.#client._queryable === false || !!stream?.destroyed || !!stream?.readableEnded;
  }

  isInTransaction(): boolean | undefined {
    const status = this.#client.getTransactionStatus?.();
    return status === undefined || status === null ? undefined : status !== 'I';
  }

  settle(): Promise<void> {
    return new Promise(resolve => {
      // the server sends an error, and then that it is ready: two messages, which may come in two packets
      const { connection } = this.#client;
      const settled = (): void => {
        clearTimeout(timer);
        connection?.removeListener('readyForQuery', settled);
        connection?.removeListener('end', settled);
        resolve();
      };
      const timer = setTimeout(settled, SETTLE);
      connection?.once('readyForQuery', settled);
      connection?.once('end', settled);
    });
  }

  async query(sql: string): Promise<Record<string, unknown>[]> {
    return (await this.#client.query(sql)).rows;
  }

  ping(): Promise<unknown> {
    return this.#client.query('select 1');
  }

  isReadOnly(error: unknown): boolean {
    return (error as { code?: unknown }).code === '25006';
  }

  onEnd(listener: () => void): () => void {
    const { connection } = this.#client;
    connection?.once('end', listener);
    return () => connection?.removeListener('end', listener);
  }

  destroy(): void {
    if (this.#isDestroyed) {
      return;
    }
    this.#isDestroyed = true;
    const client = this.#client;
    if (!client.readyForQuery) {
      cancel(client);
    }
    client.connection?.stream.destroy();
    // of one that is idle, pg's pool learns by the end of the socket
    if (this.isBorrowed) {
      client.release(new Error('The connection was not idle when it was given back'));
    }
  }
}
