import type { Borrower } from './borrowers.js';
import { Lease, type LeaseOwner, type Lent } from './lease.js';

/** A lease of a connection by which Kysely can cancel queries. With a released one there is nothing to cancel. */
class CancellableLease extends Lease {
  async cancelQuery(...args: unknown[]): Promise<unknown> {
    return this.connection?.cancelQuery?.(...args);
  }

  async collectSessionInfo(...args: unknown[]): Promise<unknown> {
    return this.connection?.collectSessionInfo?.(...args);
  }

  async killSession(...args: unknown[]): Promise<unknown> {
    try {
      return await this.connection?.killSession?.(...args);
    } finally {
      // mysql2 never answers a query whose connection it has destroyed
      this.discard(Object.assign(new Error('The session was killed'), { code: 'ECONNRESET', fatal: true }));
    }
  }
}

/** Lends a borrower its connection. */
export function lend(owner: LeaseOwner, borrower: Borrower): Lease {
  const Borrowed = borrower.connection?.cancelQuery ? CancellableLease : Lease;
  return new Borrowed(owner, borrower as Lent);
}
