import type { Dialect, KyselyDriver, LendingDialect, ProvideConnection } from '../mikro-orm-internals.js';
import type { Leased } from './lease-source.js';
import { TRANSACTION_METHODS } from './transaction-methods.js';

/** What a dialect needs of a pool. */
export interface LeasingPool {
  open(): Promise<void>;
  lease(isSingle: boolean, options: unknown): Promise<Leased>;
}

/** MikroORM's own dialect, on the connections of a pool that many Kysely instances have in common. */
export function poolDialect(native: Dialect, pool: LeasingPool): LendingDialect {
  const adapter = native.createAdapter();
  const isSingle = adapter.supportsMultipleConnections === false;
  let isOpen = false;
  const provideConnection: ProvideConnection = async work => {
    const lease = await pool.lease(isSingle, undefined);
    try {
      return await work(lease);
    } finally {
      await lease.release();
    }
  };
  return {
    get provideConnection() {
      return isOpen ? provideConnection : undefined;
    },
    // Kysely's mutex is for one instance, the pool's is for all of them; two would only wait for each other
    createAdapter: () => Object.create(adapter, { supportsMultipleConnections: { value: true } }),
    createQueryCompiler: () => native.createQueryCompiler(),
    createIntrospector: db => native.createIntrospector(db),
    createDriver: () => ({
      ...CONTROL,
      async init() {
        await pool.open();
        isOpen = true;
      },
      acquireConnection: options => pool.lease(isSingle, options),
      releaseConnection: lease => (lease as Leased).release(),
      // the pool is everybody's: it closes when the last ORM detaches
      async destroy() {
        isOpen = false;
      },
    }),
  };
}

/** What Kysely does with a transaction, on the lease that it runs on. */
const CONTROL = Object.fromEntries(
  TRANSACTION_METHODS.map(method => [
    method,
    (lease: Leased, ...args: unknown[]): Promise<void> => lease.control(method, args),
  ]),
) as unknown as Pick<KyselyDriver, (typeof TRANSACTION_METHODS)[number]>;
