import { diagnostics, type PoolMessage } from '../channels.js';
import { OrmConfigError } from '../errors.js';
import type { DatabaseConnection, KyselyDriver } from '../mikro-orm-internals.js';
import { isSilence } from './connection-lost.js';
import type { NativeClient } from './native/native-client.js';

const OPEN_TRANSACTION =
  'A BEGIN by hand left a transaction open on a connection of the pool, and it was rolled back: the next statement may run on another connection. Use em.transactional(), em.begin(), or one pinned connection of Kysely that commits.';

/** How a lease ends. */
export interface Ending {
  /** The last statement failed: the caller has an error already. */
  readonly hasFailed: boolean;
  /** Not to be given to another borrower. */
  readonly isTainted: boolean;
  /** Why the connection was thrown away. */
  readonly failure: Error | undefined;
  readonly statements: number;
  readonly source: PoolMessage;
}

/** Gives a connection of a server back to the driver's pool, or throws it away where something is left on it. */
export async function giveBack(
  { driver, connection }: { readonly driver: KyselyDriver; readonly connection: DatabaseConnection },
  client: NativeClient,
  ending: Ending,
): Promise<void> {
  const { hasFailed, isTainted, statements } = ending;
  if (hasFailed && !isTainted && !client.isIdle()) {
    await client.settle();
  }
  if (diagnostics.connectionLost.hasSubscribers) {
    tellLost(client, ending);
  }
  if (isTainted || !client.isIdle()) {
    client.destroy();
  } else if (client.isInTransaction()) {
    client.destroy();
    if (!hasFailed && statements === 1) {
      throw new OrmConfigError(OPEN_TRANSACTION);
    }
    // of several statements on one connection, what ended them may have thrown already
    process.emitWarning(OPEN_TRANSACTION, { code: 'MIKRO_ORM_WEB_OPEN_TRANSACTION' });
  } else {
    client.used();
    await driver.releaseConnection(connection);
  }
}

/** Not of what this process itself has ended: a query that was too slow, or cancelled. */
function tellLost(client: NativeClient, { failure, source: { name, role } }: Ending): void {
  const isEnded = client.isEnded();
  if (failure ? isSilence(failure) : isEnded) {
    diagnostics.connectionLost.publish({ name, role, reason: isEnded ? 'ended' : 'no-answer' });
  }
}
