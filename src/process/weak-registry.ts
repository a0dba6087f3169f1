const KEY = Symbol.for('@mikro-orm/core/EntitySchema.REGISTRY');

/**
 * Lets entity classes go that a reload has replaced. MikroORM keeps a map of all classes on globalThis, and a class keeps
 * its ORM alive; the map is only ever asked by class, so that a weak one serves as well. For development only.
 */
export function weakenRegistry(): void {
  const host = globalThis as { [KEY]?: Map<object, unknown> | WeakMap<object, unknown> };
  if (!(host[KEY] instanceof WeakMap)) {
    host[KEY] = new WeakMap(host[KEY]);
  }
}
