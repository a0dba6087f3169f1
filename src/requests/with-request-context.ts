import { RequestContext, type EntityManager } from '@mikro-orm/core';
import { hasEnded, markEnded, pinContext, runInContext } from '../mikro-orm-internals.js';
import { readyOrm, resolveOrm, type AnyOrm, type OrmSource } from '../orm-source.js';
import { beginUnitOfWork } from '../process/shared-database.js';
import { applyFilters, forkEm, runningEm, type RequestOptions } from './request-options.js';

/**
 * Runs `callback` with an EntityManager of its own, which code in the style of a global EntityManager (`orm.em`,
 * repositories) finds, too.
 *
 * Without options it joins a running context or transaction of the same ORM, so nested calls share one identity map. With
 * options it always forks, outside of a running transaction (on SQLite, which has one connection, a query of that fork
 * would wait for the transaction around it for ever), with the schema, filters and session of the running context where the
 * options name no others. A context that has ended is never joined, and a context of another ORM is kept beside it.
 *
 * @param orm the ORM, or what leads to it
 * @param callback gets the fork; what it returns is returned
 * @param options of the fork; `filters` sets filter parameters, `inherit: false` makes a new request. Default: join, or a
 *   plain fork
 * @throws {@link OrmClosedError} after `close()`; whatever `orm` or `callback` throws
 *
 * @example
 * ```ts
 * import { withRequestContext } from 'mikro-orm-web';
 * import { User } from './entities';
 * import { orm } from './orm';
 *
 * const users = await withRequestContext(orm, em => em.findAll(User));
 * ```
 */
export async function withRequestContext<ORM extends AnyOrm, T>(
  orm: OrmSource<ORM>,
  callback: (em: ORM['em']) => T | Promise<T>,
  options?: RequestOptions,
): Promise<T> {
  const ready = readyOrm(orm) ?? (await resolveOrm(orm, 'withRequestContext'));
  const running = runningEm(ready);
  if (running && !options) {
    return pinContext(running, ready.config.get('context'), () => callback(running));
  }
  const em = forkEm(ready, options?.inherit === false ? undefined : running, options, true);
  const end = beginUnitOfWork(ready);
  try {
    return await runInContext([...othersRunning(em.name), em], () =>
      pinContext(em, ready.config.get('context'), () => callback(applyFilters(em, options?.filters))),
    );
  } finally {
    markEnded(em);
    end();
  }
}

/** The running EntityManagers of other ORMs: their contexts stay beside the new one. */
function othersRunning(name: string): EntityManager[] {
  const context = RequestContext.currentRequestContext();
  return context ? [...context.map.values()].filter(em => em.name !== name && !hasEnded(em)) : [];
}
