/** The driver's own client behind a borrowed connection of a server: what Kysely does not show of it. */
export interface NativeClient {
  /** Whether it is between two statements. One that is not (a query that timed out, an open cursor) serves nobody else. */
  isIdle(): boolean;
  /** Resolves as soon as it is idle, or after a short while. */
  settle(): Promise<void>;
  /** Whether the server says that a transaction is open; undefined where the driver does not tell. */
  isInTransaction(): boolean | undefined;
  /** Closes its socket and takes it out of the driver's pool, which may then open another one. */
  destroy(): void;
}

/** Takes the client that was asked for, once the driver's pool hands it out. */
export type Checkout = (client: NativeClient) => void;
