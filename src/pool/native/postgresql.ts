import type { Admit, NativeClient, NativeDriver, NativePool } from './native-client.js';
import { PgNativeClient, type PgClient } from './postgresql-client.js';

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
