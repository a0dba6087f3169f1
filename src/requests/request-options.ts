import type { EntityManager, ForkOptions } from '@mikro-orm/core';
import { OrmConfigError } from '../errors.js';
import {
  filterSwitches,
  forkWithEventsOf,
  runningContext,
  runningTransaction,
  switchFilters,
} from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';

/** Options of a request's EntityManager: MikroORM's fork options (schema, flush mode, signal, session …) and filters. */
export interface RequestOptions extends ForkOptions {
  /**
   * Filter parameters by name, as `em.setFilterParams()` takes them; `true` or `false` switches a filter on or off for
   * the whole fork, where a query does not say otherwise.
   * @default {}
   */
  filters?: Record<string, Record<string, unknown> | boolean> | undefined;
  /**
   * Whether schema, filters, session and the other fork options of the running context hold where they are not named here.
   * `false` makes a new request, whatever runs around the call: what a middleware wants, for frameworks send requests to
   * themselves.
   * @default true
   */
  inherit?: boolean | undefined;
}

/** The EntityManager of the context or transaction of `orm` that runs now; undefined once that has ended. */
export function runningEm<ORM extends AnyOrm>(orm: ORM): ORM['em'] | undefined {
  return ownEm(orm, runningTransaction(orm.em.name)) ?? contextEm(orm);
}

function contextEm<ORM extends AnyOrm>(orm: ORM): ORM['em'] | undefined {
  return ownEm(orm, runningContext(orm.em.name, orm.config.get('context')));
}

/** A reload, or another module graph, has another ORM under the same name. */
function ownEm<ORM extends AnyOrm>(orm: ORM, em: EntityManager | undefined): ORM['em'] | undefined {
  return em?.config === orm.config ? (em as ORM['em']) : undefined;
}

/**
 * Forks for a unit of work: from `parent`, with its tenant, or else from the global EntityManager. With `useContext`, the
 * fork is for a context that `filters` are still to be set in.
 */
export function forkEm<ORM extends AnyOrm>(
  orm: ORM,
  parent: ORM['em'] | undefined,
  { filters: _filters, inherit: _inherit, ...options }: RequestOptions = {},
  useContext = false,
): ORM['em'] {
  const events = (parent && contextEm(orm)) ?? orm.em;
  return forkWithEventsOf(events, parent ?? orm.em, {
    ...options,
    useContext,
    // whatever context or transaction runs around the call
    disableContextResolution: true,
    // of a unit of work without transactions, but not of the next one
    disableTransactions: options.disableTransactions ?? orm.config.get('disableTransactions') ?? false,
  });
}

/** Forks for a request that no context runs around, and sets its filters. */
export function forkBare<ORM extends AnyOrm>(
  orm: ORM,
  parent: ORM['em'] | undefined,
  options: RequestOptions | undefined,
  helper: string,
): ORM['em'] {
  const em = applyFilters(forkEm(orm, parent, options), options?.filters);
  if (orm.config.get('sessionContext') === 'connection' && em.getSessionContext()) {
    throw new OrmConfigError(
      `${helper} cannot give a session to its EntityManager under sessionContext: 'connection', where MikroORM reads the session of the running context. Use withRequestContext(orm, work, { session }), or sessionContext: 'transaction'.`,
    );
  }
  return em;
}

/**
 * Sets filter parameters and switches on a fork: within its own context, as MikroORM resolves that first. A filter that is
 * given parameters is not switched by the context around it any more.
 */
export function applyFilters<EM extends EntityManager>(em: EM, filters: RequestOptions['filters']): EM {
  if (!filters) {
    return em;
  }
  const inherited = filterSwitches(em);
  const switches: Record<string, boolean> = { ...inherited };
  for (const [name, value] of Object.entries(filters)) {
    if (typeof value === 'boolean') {
      switches[name] = value;
    } else {
      em.setFilterParams(name, value);
      delete switches[name];
    }
  }
  if (Object.keys({ ...switches, ...inherited }).length > 0) {
    switchFilters(em, switches);
  }
  return em;
}
