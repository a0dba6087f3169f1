import { NativeClient, type NativeDriver, type NativePool } from './native-client.js';

/** The parts of `PoolConnection` of mysql2 that are read here; seen in mysql2 3.9 to 3.24. */
interface MysqlConnection {
  /** The command that runs, and those behind it. */
  readonly _command?: unknown;
  readonly _commands?: { readonly length: number };
  readonly _closing?: boolean;
  /** Whether it is in the pool. */
  readonly _released?: boolean;
  readonly _fatalError?: unknown;
  readonly threadId?: number | null;
  readonly stream: {
    readonly bytesRead?: number;
    readonly destroyed?: boolean;
    readonly readableEnded?: boolean;
    destroy(): void;
  };
  query(sql: string, callback: (error: Error | null, rows: unknown) => void): void;
  ping(callback: (error: Error | null) => void): void;
  once(event: 'end', listener: () => void): void;
  removeListener(event: 'end', listener: () => void): void;
  destroy(): void;
}

type Callback = (error: unknown, connection: MysqlConnection | undefined) => void;

interface MysqlPool {
  readonly config: { readonly connectionLimit: number };
  /** A ring of those that are open or connect. */
  readonly _allConnections?: { readonly length: number; get(index: number): MysqlConnection | undefined };
  getConnection(callback: Callback): void;
  on(event: 'connection', listener: (connection: MysqlConnection) => void): void;
}

export const mysql: NativeDriver = {
  options: ({ connectTimeout }) => ({
    ...(connectTimeout === Infinity ? {} : { connectTimeout }),
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
  }),

  limits: (given, name) => name === 'connectTimeout' && given['connectTimeout'] !== undefined,

  observe(pool, _, expect): NativePool {
    const target = pool as MysqlPool;
    const clients = new Map<MysqlConnection, MysqlNativeClient>();
    const nativeOf = (connection: MysqlConnection): MysqlNativeClient => {
      let native = clients.get(connection);
      if (!native) {
        native = new MysqlNativeClient(connection, () => clients.delete(connection));
        clients.set(connection, native);
      }
      return native;
    };
    target.on('connection', nativeOf);
    const getConnection = target.getConnection.bind(target);
    target.getConnection = callback => {
      // asked here: a request that had to wait is called back in the async context of the one that released
      const admit = expect();
      const next = (): void =>
        getConnection((error, connection) => {
          const native = connection && nativeOf(connection);
          const isAdmitted = native && admit?.(native);
          if (!(isAdmitted instanceof Promise)) {
            callback(error, connection);
            return;
          }
          isAdmitted.then(
            isGood => {
              if (isGood) {
                callback(undefined, connection);
              } else {
                native?.destroy();
                next();
              }
            },
            (reason: unknown) => {
              native?.destroy();
              callback(reason, undefined);
            },
          );
        });
      next();
    };
    return {
      max: target.config.connectionLimit || Infinity,
      clients: () => clients.values(),
      destroy() {
        const { _allConnections: all } = target;
        const connecting = Array.from({ length: all?.length ?? 0 }, (__, i) => all?.get(i));
        for (const connection of [...connecting, ...clients.keys()]) {
          connection?.stream.destroy();
        }
      },
    };
  },

  identify: "select connection_id() as session, concat_ws(' ', @@hostname, @@port, @@server_id, @@datadir) as server",
  sessions: numbers =>
    `select id as session, command <> 'Sleep' as works from information_schema.processlist where id in (${numbers.join()})`,
};

class MysqlNativeClient extends NativeClient {
  readonly stopsWithIt = false;
  readonly #connection: MysqlConnection;
  readonly #forget: () => void;
  #isDestroyed = false;

  constructor(connection: MysqlConnection, forget: () => void) {
    super();
    this.#connection = connection;
    this.#forget = forget;
    connection.once('end', forget);
  }

  get isBorrowed(): boolean {
    return this.#connection._released !== true;
  }

  get session(): number | undefined {
    return this.#connection.threadId ?? undefined;
  }

  get bytesRead(): number {
    return this.#connection.stream.bytesRead ?? 0;
  }

  isIdle(): boolean {
    return !this.#connection._command && !this.#connection._commands?.length;
  }

  isEnded(): boolean {
    const { _closing, _fatalError, stream } = this.#connection;
    return this.#isDestroyed || !!_closing || !!_fatalError || !!stream.destroyed || !!stream.readableEnded;
  }

  isInTransaction(): undefined {
    return undefined;
  }

  async settle(): Promise<void> {
    // an error is the end of its command
  }

  query(sql: string): Promise<Record<string, unknown>[]> {
    return new Promise((resolve, reject) =>
      this.#connection.query(sql, (error, rows) =>
        error ? reject(error) : resolve(rows as Record<string, unknown>[]),
      ),
    );
  }

  ping(): Promise<unknown> {
    return new Promise<void>((resolve, reject) => this.#connection.ping(error => (error ? reject(error) : resolve())));
  }

  isReadOnly(error: unknown): boolean {
    const { errno, message } = error as { errno?: unknown; message?: unknown };
    return errno === 1836 || (errno === 1290 && /read[-_]only/.test(String(message)));
  }

  onEnd(listener: () => void): () => void {
    this.#connection.once('end', listener);
    return () => this.#connection.removeListener('end', listener);
  }

  destroy(): void {
    if (!this.#isDestroyed) {
      this.#isDestroyed = true;
      this.#forget();
      this.#connection.destroy();
      // it only ends its side, and would wait for the other one
      this.#connection.stream.destroy();
    }
  }
}
