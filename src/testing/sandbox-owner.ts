import type { PoolUser } from '../pool/pool-user.js';
import type { SandboxDatabase } from './databases/sandbox-database.js';
import type { SandboxConnection } from './sandbox-connection.js';
import type { Borrower, Turns } from './turns.js';

/** The sandbox, as its leases use it. */
export interface SandboxOwner {
  readonly turns: Turns;
  readonly database: SandboxDatabase;
  readonly connection: SandboxConnection;
  /** Throws where it has ended, or lost its transaction. */
  assertUsable(user: PoolUser): void;
  /** Says once what means nothing here. */
  say(user: PoolUser, message: string): void;
  /** Makes the connection what a pool would have made it for this borrower. */
  reserve(lease: Borrower): Promise<void>;
}
