import type { AsyncLocalStorage } from 'node:async_hooks';
import type { Transaction } from '@mikro-orm/core';
import type { DatabaseConnection, Kysely, SqlConnection } from './connections.js';

/** A connection of the pool that all of a piece of work uses, until that has ended. */
interface Pin {
  readonly owner: SqlConnection;
  client: Kysely | undefined;
}
let pins: AsyncLocalStorage<Pin> | undefined;
const pinnable = new WeakSet<SqlConnection>();

/**
 * Runs `work` on one connection of the pool: each query and each transaction that it starts on `owner` goes there. It is
 * handed that connection, for what has to reach it whatever has become of a transaction.
 */
export async function pinConnection<T>(
  owner: SqlConnection,
  work: (connection: DatabaseConnection) => Promise<T>,
): Promise<T> {
  if (!pinnable.has(owner)) {
    pinnable.add(owner);
    const pinned = (): Kysely | undefined => {
      const pin = pins?.getStore();
      return pin?.owner === owner ? pin.client : undefined;
    };
    const getClient = owner.getClient.bind(owner);
    const execute = owner.execute.bind(owner) as (...args: unknown[]) => Promise<never>;
    owner.getClient = () => pinned() ?? getClient();
    owner.execute = (query: unknown, params?: unknown, method?: unknown, ctx?: unknown, ...rest: unknown[]) =>
      execute(query, params, method, ctx ?? pinned(), ...rest);
  }
  const storage = (pins ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<Pin>());
  await owner.ensureConnection();
  return owner
    .getClient()
    .connection()
    .execute(async client => {
      let connection!: DatabaseConnection;
      await client.getExecutor().provideConnection(async own => void (connection = own));
      const pin: Pin = { owner, client };
      try {
        return await storage.run(pin, () => work(connection));
      } finally {
        pin.client = undefined;
      }
    });
}

/** Calls `check` at the end of the transaction that a run of migrations is, before it is committed. */
export function beforeRunCommits(migrator: object, check: (transaction: Transaction) => Promise<void>): void {
  const host = migrator as { runInTransaction(transaction: Transaction, ...args: unknown[]): Promise<unknown> };
  const run = host.runInTransaction.bind(host);
  host.runInTransaction = async (transaction, ...args) => {
    const result = await run(transaction, ...args);
    await check(transaction);
    return result;
  };
}
