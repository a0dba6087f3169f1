import type { SqlConnection } from '../../mikro-orm-internals.js';
import { ownerLike } from '../../pool/owner-connection.js';
import type { PoolLimits } from '../../pool/pool-options.js';
import { SideConnection } from '../../pool/side-connection.js';
import { within } from '../../util/time-limit.js';
import type { DatabaseLock, LockState } from './database-lock.js';

/** What a server is asked on one session. Each query returns one row, what it says in the column `answer`. */
export interface SessionQueries {
  /** Around a lock that ends with its transaction: with `rollback`, a try that failed leaves nothing open. */
  readonly begin?: string;
  readonly rollback?: string;
  /** True or 1 where the session has the lock now. It must not wait: a waiting one would hold up `create index concurrently`. */
  readonly acquire: string;
  /**
   * Keeps what was acquired, whatever limits the server sets, and lets the server notice soon that the holder is gone without
   * a word: a machine that has died.
   */
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
export async function openSessionLock(
  connection: SqlConnection,
  { packages, limits, queries }: { packages: readonly string[]; limits: PoolLimits; queries: SessionQueries },
): Promise<DatabaseLock> {
  const session = await SideConnection.open(ownerLike(connection, () => undefined)(), packages, limits);
  const ask = async (sql: string | undefined): Promise<unknown> =>
    sql === undefined ? undefined : (await session.ask(sql))[0]?.['answer'];
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
    isLost: () => session.isEnded,
    onLost: listener => session.onEnd(listener),
    async close() {
      // the server frees the lock with the session, too
      await (held && within(1_000, ask(queries.rollback)).catch(() => undefined));
      await session.close();
    },
  };
}
