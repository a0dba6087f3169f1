import { buildDialect, type SqlConnection } from '../../mikro-orm-internals.js';
import { ownerLike } from '../../pool/owner-connection.js';
import { within } from '../../util/time-limit.js';
import type { DatabaseLock, LockState } from './database-lock.js';

/** What a server is asked on one session. Each query returns one row, what it says in the column `answer`. */
export interface SessionQueries {
  /** Around a lock that ends with its transaction: with `rollback`, a try that failed leaves nothing open. */
  readonly begin?: string;
  readonly rollback?: string;
  /** True or 1 where the session has the lock now. It must not wait: a waiting one would hold up `create index concurrently`. */
  readonly acquire: string;
  /** Keeps what was acquired, whatever limits the server sets. */
  readonly keep?: string;
  readonly touch: string;
  readonly holder: string;
  readonly describe: (holder: string) => string;
}

/** Looks at the lock by a SELECT, and does not take it. */
export async function lookAtSession(connection: SqlConnection, queries: SessionQueries): Promise<LockState> {
  const [row] = (await connection.execute(queries.holder)) as { answer?: unknown }[];
  return row?.answer ? { held: true, holder: queries.describe(String(row.answer)) } : { held: false };
}

/** A lock on a connection of its own: the pool may have a single one, and migrations need that. */
export async function openSessionLock(connection: SqlConnection, queries: SessionQueries): Promise<DatabaseLock> {
  const owner = ownerLike(connection, () => undefined)();
  const driver = (await buildDialect(owner)).createDriver();
  await driver.init();
  try {
    const session = await driver.acquireConnection();
    const ask = async (sql: string | undefined): Promise<unknown> => {
      if (sql === undefined) {
        return undefined;
      }
      const result = await session.executeQuery({ sql, parameters: [], query: { kind: 'RawNode' }, queryId: {} });
      return (result as { rows: { answer?: unknown }[] }).rows[0]?.answer;
    };
    let held = false;
    return {
      async tryAcquire() {
        await ask(queries.begin);
        held = Number(await ask(queries.acquire)) === 1;
        await ask(held ? queries.keep : queries.rollback);
        return held;
      },
      async findHolder() {
        const holder = await ask(queries.holder).catch(() => undefined);
        return holder ? queries.describe(String(holder)) : 'it has ended by now, or this user may not see it';
      },
      touch: async () => void (await ask(queries.touch)),
      async close() {
        // the server frees the lock with the session, too
        await (held && within(1_000, ask(queries.rollback)).catch(() => undefined));
        await driver.releaseConnection(session).catch(() => undefined);
        await driver.destroy();
      },
    };
  } catch (error) {
    await driver.destroy();
    throw error;
  }
}
