import type { DatabaseConnection, KyselyDriver } from '../mikro-orm-internals.js';

/** A connection in somebody's hands, until it is released: once, whoever does it. */
export interface Lease extends DatabaseConnection {
  release(): Promise<void>;
  /** Calls a method of the driver with the connection behind this lease. */
  call(method: LeaseMethod, args: unknown[]): Promise<void>;
  /** Serves the next borrower of the same connection: true, if it was given back and nobody may come back to it. */
  renew(): boolean;
}

/** What a Kysely driver does with a connection. */
export const LEASE_METHODS = [
  'beginTransaction',
  'commitTransaction',
  'rollbackTransaction',
  'savepoint',
  'rollbackToSavepoint',
  'releaseSavepoint',
] as const;
type LeaseMethod = (typeof LEASE_METHODS)[number];

/** Kysely forgets the connection of a transaction when one of these throws, and its slot in the pool would be lost. */
const FORGETTING: readonly LeaseMethod[] = ['beginTransaction', 'commitTransaction', 'rollbackTransaction'];

/** Hands out `held`; `done` is called at its release. `assertUsable` throws once it must not be used any more. */
export function createLease(
  driver: KyselyDriver,
  held: DatabaseConnection,
  assertUsable: () => void,
  done: () => void,
): Lease {
  let released = false;
  let forgotten = false;
  const lease: Lease = {
    executeQuery(query, options) {
      assertUsable();
      return held.executeQuery(query, options);
    },
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
    async call(method, args) {
      if (released && method === 'rollbackTransaction') {
        return; // done, when the commit failed
      }
      try {
        if (method === 'commitTransaction') {
          assertUsable();
        }
        await driver[method]!(held, ...(args as [never, never]));
      } catch (error) {
        if (method === 'commitTransaction') {
          await driver.rollbackTransaction(held).catch(() => undefined);
        }
        if (FORGETTING.includes(method)) {
          forgotten = true;
          await lease.release().catch(() => undefined);
        }
        throw error;
      }
    },
    renew() {
      if (!released || forgotten) {
        return false;
      }
      released = false;
      return true;
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
