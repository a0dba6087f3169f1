/** What a client of pg knows of its session. */
export interface PgSession {
  readonly host?: string;
  readonly port?: number;
  readonly ssl?: unknown;
  readonly processID?: number | null;
  readonly secretKey?: number | null;
}

/** The part of pg's `Connection` that sends a request to cancel. */
interface PgConnection {
  readonly stream: { destroy(): void; unref?(): void };
  connect(port: number | string, host?: string): void;
  on(event: 'connect' | 'sslconnect' | 'error' | 'end', listener: () => void): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
}

/** How long a request to cancel may take, in ms: the server closes its connection at once. */
const CANCEL_LIMIT = 5_000;

/**
 * Asks the server to end the query of a client that is destroyed: a server does not notice that a socket has closed before
 * it answers, so that a slow database would get a new query for each one that nobody waits for any more.
 */
export function cancel(client: PgSession): void {
  const { host, port, ssl, processID, secretKey } = client;
  if (!processID || !secretKey || port === undefined) {
    return;
  }
  const Client = client.constructor as new (options: object) => { connection: PgConnection };
  const { connection } = new Client({ host, port, ssl });
  const send = (): void => connection.cancel(processID, secretKey);
  connection.stream.unref?.(); // a process that ends need not wait for it
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
