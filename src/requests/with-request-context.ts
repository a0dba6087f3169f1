import { RequestContext, TransactionContext } from '@mikro-orm/core';
import { applyFilters, fromGlobal, type RequestOptions } from './request-options.js';
import { readyOrm, resolveOrm, type OrmSource, type AnyOrm } from '../orm-source.js';
import { contextsOf } from '../process/shared-database.js';

/**
 * Runs `callback` with an EntityManager of its own, which code in the style of a global EntityManager (`orm.em`,
 * repositories) finds, too.
 *
 * Without options it joins a running context or transaction of the same ORM, so nested calls share one identity map. With
 * options it always forks, outside of a running transaction (on SQLite, which has one connection, a query of that fork
 * would wait for the transaction around it for ever). A context of another ORM is kept beside it.
 *
 * @param orm the ORM, or what leads to it
 * @param callback gets the fork; what it returns is returned
 * @param options of the fork; `filters` sets filter parameters. Default: join, or a plain fork
 * @throws {@link OrmClosedError} after `close()`; whatever `orm` or `callback` throws
 *
 * @example
 * ```ts
 * import { withRequestContext } from 'mikro-orm-web';
 * import { User } from '../entities';
 * import { orm } from '../orm';
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
  const { name } = ready.em;
  const outer = RequestContext.currentRequestContext()?.map;
  const transaction = TransactionContext.getEntityManager(name);
  const running = transaction ?? outer?.get(name);
  // a reload, or another module graph, has another ORM under the same name
  if (!options && running?.config === ready.config) {
    return callback(running as ORM['em']);
  }

  const runForked = (): T | Promise<T> => {
    const { map } = RequestContext.currentRequestContext()!;
    const em = map.get(name) as ORM['em'];
    outer?.forEach((fork, other) => other === name || map.set(other, fork));
    if (options?.filters) {
      applyFilters(em, options.filters);
    }
    // MikroORM prefers a transaction over a request context, also for a fork: put this fork in the transaction's place
    return transaction ? TransactionContext.create(em, () => callback(em)) : callback(em);
  };
  const counter = contextsOf(ready);
  counter.contexts++;
  try {
    return await RequestContext.create(ready.em, runForked, fromGlobal(options));
  } finally {
    counter.contexts--;
  }
}
