import type { Checkout, NativeClient } from './native-client.js';

/** The parts of `Client` of pg that are read here; seen in pg 8.11 to 8.23. */
interface PgClient {
  readonly readyForQuery: boolean;
  /** `I` idle, `T` in a transaction, `E` in a failed one. Since pg 8.16. */
  getTransactionStatus?(): string | null;
  readonly connection?: {
    readonly stream: { destroy(): void };
    once(event: 'readyForQuery' | 'end', listener: () => void): void;
    removeListener(event: 'readyForQuery' | 'end', listener: () => void): void;
  };
  release(error?: Error): void;
  readonly host?: string;
  readonly port?: number;
  readonly ssl?: unknown;
  readonly processID?: number | null;
  readonly secretKey?: number | null;
}

/** The part of pg's `Connection` that sends a request to cancel. */
interface PgConnection {
  readonly stream: { destroy(): void };
  connect(port: number | string, host?: string): void;
  on(event: 'connect' | 'sslconnect' | 'error' | 'end', listener: () => void): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
}

/**
 * Asks the server to end the query of a client that is destroyed: a server does not notice that a socket has closed before
 * it answers, so that a slow database would get a new query for each one that nobody waits for any more.
 */
function cancel(client: PgClient): void {
  const { host, port, ssl, processID, secretKey } = client;
  if (!processID || !secretKey || port === undefined) {
    return;
  }
  const Client = client.constructor as new (options: object) => { connection: PgConnection };
  const { connection } = new Client({ host, port, ssl });
  const send = (): void => connection.cancel(processID, secretKey);
  setTimeout(() => connection.stream.destroy(), CANCEL_LIMIT).unref();
  connection.on('error', () => connection.stream.destroy());
  connection.on('connect', ssl ? () => connection.requestSsl() : send);
  connection.on('sslconnect', send);
  if (host?.startsWith('/')) {
    connection.connect(`${host}/.s.PGSQL.${port}`);
  } else {
    connection.connect(port, host);
  }
}

interface PgPool {
  connect(callback?: unknown): Promise<PgClient> | void;
}

/**
 * Observes a pool of pg: asks `expect`, when a client is requested, what to do with it. Kysely requests clients by promise;
 * what requests one by callback (`pool.query()`) is the app's own business.
 */
export function observePgPool(pool: unknown, expect: () => Checkout | undefined): void {
  const target = pool as PgPool;
  const connect = target.connect.bind(target);
  target.connect = callback => {
    const checkout = callback ? undefined : expect();
    if (!checkout) {
      return connect(callback);
    }
    return (connect() as Promise<PgClient>).then(client => {
      checkout(toNativeClient(client));
      return client;
    });
  };
}

/** How long a request to cancel may take, in ms: the server closes its connection at once. */
const CANCEL_LIMIT = 5_000;

/** How long the end of a failed statement may take to arrive after its error, in ms. */
const SETTLE = 50;

function toNativeClient(client: PgClient): NativeClient {
  return {
    isIdle: () => client.readyForQuery,
    settle: () =>
      new Promise(resolve => {
        // the server sends an error, and then that it is ready: two messages, which may come in two packets
        const { connection } = client;
        const settled = (): void => {
          clearTimeout(timer);
          connection?.removeListener('readyForQuery', settled);
          connection?.removeListener('end', settled);
          resolve();
        };
        const timer = setTimeout(settled, SETTLE);
        connection?.once('readyForQuery', settled);
        connection?.once('end', settled);
      }),
    isInTransaction: () => {
      const status = client.getTransactionStatus?.();
      return status === undefined || status === null ? undefined : status !== 'I';
    },
    destroy() {
      if (!client.readyForQuery) {
        cancel(client);
      }
      client.connection?.stream.destroy();
      client.release(new Error('The connection was not idle when it was given back'));
    },
  };
}
