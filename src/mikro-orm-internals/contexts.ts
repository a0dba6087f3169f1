import { RequestContext, TransactionContext } from '@mikro-orm/core';
import type { EntityManager, ForkOptions } from '@mikro-orm/core';

/** On an EntityManager whose context or transaction has ended. A property, so that no list keeps it alive. */
const ENDED = Symbol.for('mikro-orm-web/ended');
const PATCHED = Symbol.for('mikro-orm-web/contexts');

type Marked = EntityManager & { [ENDED]?: true };

/** Whether the context or transaction of this EntityManager has ended; work that outlived it must not join it. */
export function hasEnded(em: EntityManager): boolean {
  return (em as Marked)[ENDED] === true;
}

/** What finds the EntityManager of a context by the name of its ORM: `context` of MikroORM's config. */
export type ContextLookup = (name: string) => EntityManager | undefined;

/** The EntityManager of the transaction that runs under this name now. */
export function runningTransaction(name: string): EntityManager | undefined {
  const em = TransactionContext.getEntityManager(name);
  return em && !hasEnded(em) ? em : undefined;
}

/** The EntityManager of the context that runs under this name now: what `lookup` finds, by default a request context's. */
export function runningContext(
  name: string,
  lookup: ContextLookup = other => RequestContext.getEntityManager(other),
): EntityManager | undefined {
  const em = lookup(name);
  return em && !hasEnded(em) ? em : undefined;
}

export function markEnded(em: EntityManager): void {
  (em as Marked)[ENDED] = true;
}

/** A context of MikroORM, and the one around it. */
interface Nested {
  readonly em: EntityManager;
  outer?: Nested | undefined;
}

/**
 * Adds to MikroORM's contexts what they lack: that they end, and, up to MikroORM 7.2.1, that transactions of two ORMs nest.
 * There the inner one hides the outer one, so that a unit of work inside of `A.transactional → B.transactional` fell out of
 * A's transaction. Once a process: module graphs share the classes of core.
 */
function completeContexts(): void {
  const host = TransactionContext as typeof TransactionContext & { [PATCHED]?: true };
  if (host[PATCHED]) {
    return;
  }
  host[PATCHED] = true;
  const runInTransaction = TransactionContext.create.bind(TransactionContext);
  TransactionContext.create = (em, next) => {
    const outer = TransactionContext.currentTransactionContext() as Nested | undefined;
    return runInTransaction(em, () => {
      (TransactionContext.currentTransactionContext() as unknown as Nested).outer = outer;
      return endWith(next(), [em]);
    });
  };
  TransactionContext.getEntityManager = (name = 'default') => {
    let context = TransactionContext.currentTransactionContext() as Nested | undefined;
    while (context && context.em.name !== name) {
      context = context.outer;
    }
    return context?.em;
  };
  const runInRequest = RequestContext.create.bind(RequestContext);
  RequestContext.create = (em, next, options) =>
    runInRequest(em, () => endWith(next(), [...RequestContext.currentRequestContext()!.map.values()]), options);
}

/** Marks as ended what has ended with `result`. A middleware that returns at once goes on: its end cannot be seen. */
function endWith<T>(result: T, ems: readonly EntityManager[]): T {
  if (!(result instanceof Promise)) {
    return result;
  }
  const end = (): void => ems.forEach(markEnded);
  if (result.constructor !== Promise || Object.keys(result).length > 0) {
    // one that has more to it than its value, which the caller may want
    Promise.prototype.then.call(result, end, end);
    return result;
  }
  return result.finally(end) as T; // a rejection that nobody handles stays one
}

/** What MikroORM keeps contexts in: an AsyncLocalStorage, or a store for the whole isolate where it found none. */
export function contextStorage(context: typeof RequestContext): unknown {
  return (context as unknown as { storage: unknown }).storage;
}

/** Runs `callback` where `ems` are the EntityManagers of the running request, each under the name of its ORM. */
export function runInContext<T>(ems: readonly EntityManager[], callback: () => T): T {
  const { storage } = RequestContext as unknown as { storage: { run(context: RequestContext, next: () => T): T } };
  return storage.run(new RequestContext(new Map(ems.map(em => [em.name, em]))), callback);
}

/**
 * Runs `work` where MikroORM finds `em`: it prefers a transaction, running or ended, and what a `context` of the app's own
 * finds, over a request context.
 */
export function pinContext<T>(em: EntityManager, lookup: ContextLookup, work: () => T): T {
  const found = TransactionContext.getEntityManager(em.name) ?? lookup(em.name);
  if (found === em) {
    return work();
  }
  const outer = TransactionContext.currentTransactionContext() as Nested | undefined;
  const { storage } = TransactionContext as unknown as { storage: { run(context: Nested, next: () => T): T } };
  return storage.run(Object.assign(new TransactionContext(em) as unknown as Nested, { outer }), work);
}

/**
 * A fork of `em` with the event manager of `other`: that of a transaction has a subscriber which takes entities that were
 * deleted out of the identity map of the unit of work around it.
 */
export function forkWithEventsOf<EM extends EntityManager>(other: EntityManager, em: EM, options: ForkOptions): EM {
  const internal = em as unknown as { eventManager: unknown };
  const own = internal.eventManager;
  internal.eventManager = other.getEventManager();
  try {
    return em.fork(options) as EM;
  } finally {
    internal.eventManager = own;
  }
}

// as soon as anything of this package is used: a transaction that is running by then would never be seen to end
completeContexts();
