/** Classes and schemas that `explicitEntities` of this module graph has named. */
const named = new WeakSet<object>();

/** Remembers that `entity` got its name from a property key. */
export function markNamed(entity: object): void {
  named.add(entity);
}

/** Whether `entity` got its name from a property key. */
export function isNamed(entity: unknown): boolean {
  return named.has(entity as object);
}
