import type { Dialect, KyselyDriver } from '../mikro-orm-internals.js';
import type { Leased } from './lease-source.js';
import { TRANSACTION_METHODS } from './lease.js';

/** What a dialect needs of a pool. */
export interface LeasingPool {
  open(): Promise<void>;
  lease(isSingle: boolean, options: unknown): Promise<Leased>;
}

/** MikroORM's own dialect, on the connections of a pool that many Kysely instances have in common. */
export function poolDialect(native: Dialect, pool: LeasingPool): Dialect {
  const adapter = native.createAdapter();
  const isSingle = adapter.supportsMultipleConnections === false;
  return {
    // Kysely's mutex is for one instance, the pool's is for all of them; two would only wait for each other
    createAdapter: () => Object.create(adapter, { supportsMultipleConnections: { value: true } }),
    createQueryCompiler: () => native.createQueryCompiler(),
    createIntrospector: db => native.createIntrospector(db),
    createDriver: () => createDriver(pool, isSingle),
  };
}

/** What each Kysely instance takes for its driver. */
function createDriver(pool: LeasingPool, isSingle: boolean): KyselyDriver {
  const control = TRANSACTION_METHODS.map(method => [
    method,
    (lease: Leased, ...args: unknown[]) => lease.control(method, args),
  ]);
  return {
    ...(Object.fromEntries(control) as Pick<KyselyDriver, (typeof TRANSACTION_METHODS)[number]>),
    init: () => pool.open(),
    acquireConnection: options => pool.lease(isSingle, options),
    releaseConnection: lease => (lease as Leased).release(),
    destroy: async () => undefined, // the pool is everybody's: it closes when the last ORM detaches
  };
}
