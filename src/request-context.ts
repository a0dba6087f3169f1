import { RequestContext, TransactionContext } from '@mikro-orm/core';
import { applyFilters, type RequestOptions } from './fork.js';
import { resolveOrm, type OrmSource, type AnyOrm } from './orm-source.js';
import { trackContext } from './process-state.js';

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
 * const users = await withRequestContext(orm, em => em.findAll(User));
 * ```
 */
export async function withRequestContext<ORM extends AnyOrm, T>(
  orm: OrmSource<ORM>,
  callback: (em: ORM['em']) => T | Promise<T>,
  options?: RequestOptions,
): Promise<T> {
  const ready = await resolveOrm(orm, 'withRequestContext');
  if (!options) {
    const running = runningEm(ready);
    if (running) {
      return callback(running);
    }
  }
  return trackContext(ready, () => runForked(ready, callback, options));
}

/** The EntityManager of the context or transaction that runs here, if it is of this very ORM. */
function runningEm<ORM extends AnyOrm>(orm: ORM): ORM['em'] | undefined {
  const { name } = orm.em;
  const em = TransactionContext.getEntityManager(name) ?? RequestContext.getEntityManager(name);
  // a reload, or another module graph, has another ORM under the same name
  return em?.config === orm.config ? (em as ORM['em']) : undefined;
}

function runForked<ORM extends AnyOrm, T>(
  orm: ORM,
  callback: (em: ORM['em']) => T | Promise<T>,
  { filters, ...options }: RequestOptions = {},
): T | Promise<T> {
  const { name } = orm.em;
  const outer = RequestContext.currentRequestContext()?.map;
  const forkOptions = { ...options, disableContextResolution: true };
  return RequestContext.create(
    orm.em,
    () => {
      const { map } = RequestContext.currentRequestContext()!;
      const em = map.get(name) as ORM['em'];
      for (const [other, fork] of outer ?? []) {
        if (other !== name) {
          map.set(other, fork);
        }
      }
      const run = (): T | Promise<T> => callback(filters ? applyFilters(em, filters) : em);
      // MikroORM prefers a transaction over a request context, also for a fork: put this fork in the transaction's place
      return TransactionContext.getEntityManager(name) ? TransactionContext.create(em, run) : run();
    },
    forkOptions,
  );
}
