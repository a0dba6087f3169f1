import { RequestContext, TransactionContext } from '@mikro-orm/core';
import { identifyDatabase } from './database-identity.js';
import { OrmClosedError, OrmConfigError } from '../errors.js';
import { createNamedOrm, processState, type NamedOrm } from './shared-database.js';
import type { AnyOrm } from '../orm-source.js';

/**
 * Waits while a name closes in development, for what was created after that call: a reload, or the next test. A unit of
 * work that close() waits for does not: it is served until the end.
 */
export async function untilClosed(name: string, created: number): Promise<void> {
  const running = processState().named.get(name);
  const inside = TransactionContext.getEntityManager(name) ?? RequestContext.getEntityManager(name);
  if (!isProduction() && !inside && running && running.closingSince < created) {
    await running.closing;
  }
}

/**
 * Finds or adds what the graphs share under the name of `orm`. `created` tells when the asking singleton was created,
 * `shareMemory` whether an in-memory database may be shared.
 */
export function joinNamedOrm(orm: AnyOrm, created: number, shareMemory: boolean): NamedOrm {
  const state = processState();
  const name = orm.config.get('contextName');
  const identity = identifyDatabase(orm);
  if (identity.inMemory && !shareMemory) {
    return createNamedOrm({ name, ...identity });
  }
  if ((state.closedAt.get(name) ?? 0) > created) {
    throw new OrmClosedError(name);
  }
  const running = state.named.get(name);
  if (running && isSame(running, identity)) {
    return running;
  }
  if (running && isSettled(running)) {
    throw new OrmConfigError(
      `Two databases under one name: "${name}" is already ${running.database}, and now ${identity.database}. Give one of them a name of its own: createOrmSingleton(config, { name: 'reports' }).`,
    );
  }
  const added = createNamedOrm({ name, ...identity });
  state.named.set(name, added);
  if (running) {
    // a reload has edited the settings: requests on the old pools finish there
    added.replaced.push(...running.replaced.filter(ref => ref.deref()), new WeakRef(running));
    for (const pool of running.pools.values()) {
      pool.retire().catch(() => undefined);
    }
  }
  return added;
}

function isSame(running: NamedOrm, identity: Pick<NamedOrm, 'database' | 'settings'>): boolean {
  return running.database === identity.database && (isSettled(running) || running.settings === identity.settings);
}

/**
 * Whether the settings of a name stand, pool settings of the first graph included: in production, once they have led to
 * a database. In development a reload may have edited them.
 */
function isSettled({ pools, runs }: NamedOrm): boolean {
  return isProduction() && (runs.has('connect') || [...pools.values()].some(pool => pool.served > 0));
}

/** Whether reloads are out of the question. */
export function isProduction(): boolean {
  return process.env['NODE_ENV'] === 'production';
}
