import { NativeClient, type Admit, type NativeDriver, type NativePool } from './native-client.js';

type Event = 'readyForQuery' | 'end';

/** The parts of `Client` of pg that are read here; seen in pg 8.11 to 8.23. */
interface PgClient {
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

interface PgPool {
  readonly options: { readonly max?: number };
  /** The class of its clients. */
  Client?: new (options: object) => object;
  /** Those that still connect, too. */
  readonly _clients?: readonly PgClient[];
  connect(callback?: unknown): Promise<PgClient> | void;
  on(event: 'connect' | 'acquire', listener: (client: PgClient) => void): void;
  on(event: 'release', listener: (error: unknown, client: PgClient) => void): void;
}

/** How long a request to cancel may take, in ms: the server closes its connection at once. */
const CANCEL_LIMIT = 5_000;

/** How long the end of a failed statement may take to arrive after its error, in ms. */
const SETTLE = 50;

export const postgresql: NativeDriver = {
  // a socket that is idle keeps its place in the tables of routers, and Node asks every second once it has no answer
  options: () => ({ keepAlive: true, keepAliveInitialDelayMillis: 10_000 }),

  limits: (given, name) =>
    ((name === 'connectTimeout' || name === 'acquireTimeout') && given['connectionTimeoutMillis'] !== undefined) ||
    (name === 'queryTimeout' && given['query_timeout'] !== undefined),

  observe(pool, { connectTimeout }, expect): NativePool {
    const target = pool as PgPool;
    const clients = new Map<PgClient, PgNativeClient>();
    target.on('connect', client => {
      clients.set(client, new PgNativeClient(client));
      client.connection?.once('end', () => clients.delete(client));
    });
    const mark = (client: PgClient, isBorrowed: boolean): void => {
      const native = clients.get(client);
      if (native) {
        native.isBorrowed = isBorrowed;
      }
    };
    target.on('acquire', client => mark(client, true));
    target.on('release', (_, client) => mark(client, false));
    limitConnecting(target, connectTimeout);
    admitClients(target, expect, client => clients.get(client));
    return {
      max: target.options.max ?? 10,
      clients: () => clients.values(),
      destroy() {
        for (const client of [...(target._clients ?? []), ...clients.keys()]) {
          client.connection?.stream.destroy();
        }
      },
    };
  },

  identify:
    "select pg_backend_pid() as session, concat_ws(' ', inet_server_addr(), inet_server_port(), pg_postmaster_start_time()) as server",
  sessions: numbers =>
    `select pid as session, state = 'active' or state like 'fastpath%' as works from pg_stat_activity
     where pid in (${numbers.join()}) and state <> 'disabled'`,
};

/** pg has one setting for this and for the wait in its queue, which may take as long as the pool says. */
function limitConnecting(pool: PgPool, connectionTimeoutMillis: number): void {
  const { Client } = pool;
  if (Client && connectionTimeoutMillis !== Infinity) {
    pool.Client = class extends Client {
      constructor(options: object) {
        // by descriptors, for the password is not enumerable
        super(
          Object.assign(Object.defineProperties({}, Object.getOwnPropertyDescriptors(options)), {
            connectionTimeoutMillis,
          }),
        );
      }
    };
  }
}

/**
 * Lets `expect` decide on each client that is requested by promise, as Kysely does; what requests one by callback
 * (`pool.query()`) is the app's own business.
 */
function admitClients(
  pool: PgPool,
  expect: () => Admit | undefined,
  nativeOf: (client: PgClient) => NativeClient | undefined,
): void {
  // by promise: then the stack of an error leads to the app, and shows that it is the pool's
  const connect = pool.connect.bind(pool);
  const next = (admit: Admit): Promise<PgClient> =>
    (connect() as Promise<PgClient>).then(client => {
      const native = nativeOf(client);
      const isAdmitted = native ? admit(native) : true;
      return isAdmitted === true ? client : decide(client, native, admit, isAdmitted);
    });
  const decide = async (
    client: PgClient,
    native: NativeClient | undefined,
    admit: Admit,
    deciding: Promise<boolean>,
  ): Promise<PgClient> => {
    let isAdmitted = false;
    try {
      isAdmitted = await deciding;
    } finally {
      if (!isAdmitted) {
        native?.destroy();
      }
    }
    return isAdmitted ? client : next(admit);
  };
  pool.connect = callback => {
    const admit = callback ? undefined : expect();
    return admit ? next(admit) : connect(callback);
  };
}

class PgNativeClient extends NativeClient {
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
