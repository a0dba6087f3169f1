import type { Checkout, NativeClient } from './native-client.js';

/** The parts of `PoolConnection` of mysql2 that are read here; seen in mysql2 3.9 to 3.24. */
interface MysqlConnection {
  /** The command that runs, and those behind it. */
  readonly _command?: unknown;
  readonly _commands?: { readonly length: number };
  destroy(): void;
}

type Callback = (error: unknown, connection: MysqlConnection | undefined) => void;

interface MysqlPool {
  getConnection(callback: Callback): void;
}

/** Observes a pool of mysql2: asks `expect`, when a connection is requested, what to do with it. */
export function observeMysqlPool(pool: unknown, expect: () => Checkout | undefined): void {
  const target = pool as MysqlPool;
  const getConnection = target.getConnection.bind(target);
  target.getConnection = callback => {
    // asked here: a request that had to wait is called back in the async context of the one that released
    const checkout = expect();
    getConnection((error, connection) => {
      if (connection) {
        checkout?.(toNativeClient(connection));
      }
      callback(error, connection);
    });
  };
}

function toNativeClient(connection: MysqlConnection): NativeClient {
  return {
    isIdle: () => !connection._command && !connection._commands?.length,
    settle: async () => undefined, // an error is the end of its command
    isInTransaction: () => undefined,
    destroy: () => connection.destroy(),
  };
}
