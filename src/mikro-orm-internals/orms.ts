import type { AnyOrm } from '../orm-source.js';

/** Lets the ORMs of `extensions` that nobody registered be loaded on first use, as `MikroORM.init()` loads them at start. */
export function onMissingExtension(orm: AnyOrm, load: (name: string, packageName: string) => unknown): void {
  const platform = orm.driver.getPlatform();
  const getExtension = platform.getExtension.bind(platform) as (...args: unknown[]) => unknown;
  const patched = (name: string, key: string, packageName: string, em: unknown): unknown =>
    orm.config.getExtension(key) ?? load(name, packageName) ?? getExtension(name, key, packageName, em);
  platform.getExtension = patched as typeof platform.getExtension;
}

/** Makes `other` know the entities of `orm` without discovering them: discovery would decorate their classes anew. */
export function shareMetadata(orm: AnyOrm, other: AnyOrm): void {
  other.getMetadata = orm.getMetadata.bind(orm) as typeof other.getMetadata;
  other.driver.setMetadata(orm.getMetadata());
  const em = other.driver.createEntityManager() as AnyOrm['em'];
  Object.assign(em, { global: true });
  other.em = em;
}

/** The registry of `EntitySchema`: all entity classes of a process, on globalThis. */
const ENTITY_REGISTRY = Symbol.for('@mikro-orm/core/EntitySchema.REGISTRY');

/**
 * Lets entity classes go that a reload has replaced. MikroORM keeps a map of all classes on globalThis, and a class keeps
 * its ORM alive; the map is only ever asked by class, so that a weak one serves as well. For development only.
 */
export function weakenEntityRegistry(): void {
  const host = globalThis as { [ENTITY_REGISTRY]?: Map<object, unknown> | WeakMap<object, unknown> };
  if (!(host[ENTITY_REGISTRY] instanceof WeakMap)) {
    host[ENTITY_REGISTRY] = new WeakMap(host[ENTITY_REGISTRY]);
  }
}
