import { MikroORM, type IDatabaseDriver, type Options } from '@mikro-orm/core';
import {
  driverOptions,
  dropPoolHook,
  isOwnPool,
  isSql,
  shareMetadata,
  sqlConnections,
} from '../mikro-orm-internals.js';
import type { AnyOrm, EntityList } from '../orm-source.js';
import { attachOrm, type Pools } from '../process/attach-orm.js';
import type { DriverEm } from './build-orm.js';

/**
 * Runs `work` on an ORM beside `orm`, with the same entities, then closes it: on the given pools, or on connections of its
 * own. It does not discover entities, as MikroORM decorates their classes with the ORM that discovers them last, and that has
 * to be the app's. A pool of the user's serves `orm` itself: another ORM would close it with itself.
 */
export async function withSiblingOrm<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList>(
  orm: MikroORM<D, EM, E>,
  settings: Partial<Options<D, EM, E>>,
  { pools, overrides }: { pools?: Pools | undefined; overrides?: Partial<Options<D, EM, E>> | undefined },
  work: (other: AnyOrm) => Promise<unknown>,
): Promise<void> {
  if (!isSql(orm) || isOwnPool(driverOptions(sqlConnections(orm)[0]![1]))) {
    await work(orm);
    return;
  }
  const other: AnyOrm = new MikroORM<D, EM, E>({
    ...settings,
    ...overrides,
    discovery: { ...settings.discovery, skipSyncDiscovery: true },
  });
  try {
    shareMetadata(orm, other);
    sqlConnections(other).forEach(([, connection]) => dropPoolHook(connection));
    if (pools) {
      attachOrm(other, pools);
    }
    await work(other);
  } finally {
    await other.close();
  }
}
