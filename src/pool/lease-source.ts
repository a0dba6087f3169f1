import type { DatabaseConnection } from '../mikro-orm-internals.js';
import type { TransactionMethod } from './transaction-methods.js';
import type { PoolUser } from './pool-user.js';

/** A borrowed connection, as a dialect uses it. */
export interface Leased extends DatabaseConnection {
  /** Begins, ends or divides a transaction. */
  control(method: TransactionMethod, args: unknown[]): Promise<void>;
  /** Gives it back; a second call is a no-op. */
  release(): Promise<void>;
}

/** What a pool leases from in place of its driver, while there is one. */
export interface LeaseSource {
  /** Borrowers that have a connection of it, or wait for one. */
  readonly busy: number;
  lease(user: PoolUser): Promise<Leased>;
  /** Runs a script, which an embedded database would run on its handle. */
  executeDump(user: PoolUser, dump: string): Promise<void>;
  /** Rejects where the driver's own client would lead around it. */
  assertNativeClient(user: PoolUser): Promise<void>;
  /** Ends it, as the database is closed. */
  end(): Promise<void>;
}
