import type { EntityManager, ForkOptions } from '@mikro-orm/core';
import type { AnyOrm } from '../orm-source.js';

/** Options of a request's EntityManager: MikroORM's fork options (schema, flush mode, signal, session …) and filters. */
export interface RequestOptions extends ForkOptions {
  /**
   * Filter parameters by name, as `em.setFilterParams()` takes them; `true` or `false` switches a filter on or off for
   * the whole fork, where a query does not say otherwise.
   * @default {}
   */
  filters?: Record<string, Record<string, unknown> | boolean> | undefined;
}

const FROM_GLOBAL: ForkOptions = { disableContextResolution: true };

/** Fork options that take the global EntityManager, whatever context or transaction runs around the call. */
export function fromGlobal(options: RequestOptions | undefined): ForkOptions {
  return options ? { ...options, ...FROM_GLOBAL } : FROM_GLOBAL;
}

/** Forks the global EntityManager of `orm`. */
export function forkEm<ORM extends AnyOrm>(orm: ORM, options: RequestOptions | undefined): ORM['em'] {
  const fork = orm.em.fork(fromGlobal(options));
  return options?.filters ? applyFilters(fork, options.filters) : fork;
}

/** Sets filter parameters and switches on a fork. */
export function applyFilters<EM extends EntityManager>(em: EM, filters: NonNullable<RequestOptions['filters']>): EM {
  const switches: Record<string, boolean> = {};
  for (const [name, value] of Object.entries(filters)) {
    if (typeof value === 'boolean') {
      switches[name] = value;
    } else {
      em.setFilterParams(name, value);
    }
  }
  return Object.keys(switches).length > 0 ? switchFilters(em, switches) : em;
}

/** MikroORM switches filters query by query only: give each query of this fork, and of forks of it, these defaults. */
function switchFilters<EM extends EntityManager>(em: EM, switches: Record<string, boolean>): EM {
  const apply = em.applyFilters.bind(em);
  const fork = em.fork.bind(em);
  em.applyFilters = ((entity, where, options, ...rest) =>
    apply(entity, where, withDefaults(options, switches) as typeof options, ...rest)) as EM['applyFilters'];
  return Object.assign(em, { fork: (options?: ForkOptions) => switchFilters(fork(options), switches) });
}

function withDefaults(options: unknown, switches: Record<string, boolean>): unknown {
  if (options === false) {
    return false;
  }
  const asked = Array.isArray(options) ? Object.fromEntries(options.map(name => [name, true])) : (options as object);
  return { ...switches, ...asked };
}
