import { EntityManager } from '@mikro-orm/core';

/** Filters that are switched on or off for an EntityManager and its forks. */
export type FilterSwitches = Readonly<Record<string, boolean>>;

const SWITCHES = Symbol.for('mikro-orm-web/filters');
type Switched = EntityManager & { [SWITCHES]?: FilterSwitches | undefined };

export function filterSwitches(em: EntityManager): FilterSwitches {
  return (em as Switched)[SWITCHES] ?? {};
}

/** Switches filters for all queries of `em`. MikroORM does so query by query, by methods that the global one calls, too. */
export function switchFilters(em: EntityManager, switches: FilterSwitches): void {
  (em as Switched)[SWITCHES] = switches;
  const prototype = EntityManager.prototype as EntityManager & { [SWITCHES]?: unknown };
  if (SWITCHES in prototype) {
    return;
  }
  Object.defineProperty(prototype, SWITCHES, { value: undefined, writable: true });
  const { applyFilters, fork } = prototype;
  prototype.applyFilters = function (this: EntityManager, ...[entity, where, options, ...rest]: unknown[]) {
    const call = applyFilters as (this: EntityManager, ...args: unknown[]) => unknown;
    return call.call(this, entity, where, withSwitches(this, options), ...rest);
  } as typeof applyFilters;
  prototype.fork = function (this: EntityManager, options) {
    const source = options?.disableContextResolution ? this : this.getContext(false);
    const forked = fork.call(this, options);
    const inherited = (source as Switched)[SWITCHES];
    if (inherited) {
      (forked as Switched)[SWITCHES] = inherited;
    }
    return forked;
  } as typeof fork;
}

/** Options of one query, on top of the switches of the EntityManager that it runs on. */
function withSwitches(em: EntityManager, options: unknown): unknown {
  const switches = (em.getContext(false) as Switched)[SWITCHES];
  if (!switches || options === false) {
    return options;
  }
  const asked = Array.isArray(options) ? Object.fromEntries(options.map(name => [name, true])) : (options as object);
  return { ...switches, ...asked };
}
