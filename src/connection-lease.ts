import type { DatabaseConnection, KyselyDriver } from './sql-internals.js';

/** A connection in somebody's hands, until it is released: once, whoever does it. */
export interface Lease extends DatabaseConnection {
  release(): Promise<void>;
  /** Calls a method of the driver with the connection behind this lease. */
  call(method: (driver: KyselyDriver) => DriverMethod, ...rest: unknown[]): Promise<void>;
  /** The same, and releases the connection when it fails. */
  run(method: (driver: KyselyDriver) => DriverMethod, ...rest: unknown[]): Promise<void>;
}
type DriverMethod = (connection: DatabaseConnection, ...rest: never[]) => Promise<void>;

/** Hands out `held`; `done` is called at its release. */
export function createLease(driver: KyselyDriver, held: DatabaseConnection, done: () => void): Lease {
  let released = false;
  const lease: Lease = {
    executeQuery: (query, options) => held.executeQuery(query, options),
    streamQuery: (query, chunkSize, options) => held.streamQuery(query, chunkSize, options),
    async release() {
      if (!released) {
        released = true;
        try {
          await driver.releaseConnection(held);
        } finally {
          done();
        }
      }
    },
    async call(method, ...rest) {
      await method(driver).call(driver, held, ...(rest as never[]));
    },
    async run(method, ...rest) {
      try {
        await lease.call(method, ...rest);
      } catch (error) {
        await lease.release().catch(() => undefined);
        throw error;
      }
    },
  };
  // Kysely cancels queries with these where the connection has them
  for (const name of ['cancelQuery', 'collectSessionInfo', 'killSession'] as const) {
    const method = held[name];
    if (method) {
      lease[name] = (...args) => method.apply(held, args);
    }
  }
  return lease;
}
