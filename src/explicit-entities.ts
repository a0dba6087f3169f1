import { EntitySchema, MetadataStorage, type EntityClass, type EntityMetadata } from '@mikro-orm/core';
import { ExplicitNameError } from './errors/orm-web-error.js';
import { markNamed } from './named-entities.js';

/** What `explicitEntities` takes under a key: an entity class, or what `defineEntity` returns. */
// MikroORM's own `entities` option takes classes of any constructor, and schemas of any entity
export type ExplicitEntity = EntityClass | EntitySchema<any, any>;

/**
 * Lists entities under names that a bundler cannot change: the keys become their class names. Table names, join columns
 * and discriminators come from class names, and minifiers change those.
 *
 * Takes classes (decorated, or with a schema) and schemas (with or without a class), in any inheritance. Renames them in
 * place, so call it once, in the config. `createOrmSingleton` then also refuses an entity that is missing here and was
 * found only through a relation.
 *
 * @param entities one entity for each key; the key is its class name, so not `UserSchema` but `User: UserSchema`
 * @returns the list for MikroORM's `entities` option
 * @throws {@link ExplicitNameError} with all offenders and the line to write instead: for an array, for undefined, for a
 *   class under two keys, for a key that ends in `Schema`
 *
 * @example
 * ```ts
 * export default defineConfig({
 *   dbName: 'app.db',
 *   entities: explicitEntities({ User: UserSchema, Article, Tag }),
 * });
 * ```
 */
export function explicitEntities<const T extends Record<string, ExplicitEntity>>(entities: T): T[keyof T][] {
  const list = readEntities(entities);
  for (const { key, entity, cls, metadata } of list) {
    Object.defineProperty(cls, 'name', { value: key, configurable: true });
    for (const meta of metadata) {
      meta.className = key;
      // without a name, it is an abstract base that gets no table
      if (meta.name) {
        meta.name = key as never;
      }
    }
    markNamed(entity);
    markNamed(cls);
  }
  return list.map(({ entity }) => entity as T[keyof T]);
}

interface NamedEntity {
  key: string;
  entity: ExplicitEntity;
  cls: object;
  /** Where names were stored before discovery: in the schema, or by a decorator. */
  metadata: EntityMetadata[];
}

function readEntities(entities: Record<string, unknown>): NamedEntity[] {
  if (typeof entities !== 'object' || entities === null || Array.isArray(entities)) {
    throw new ExplicitNameError(
      'explicitEntities takes an object, so that the keys can name the entities: write explicitEntities({ User, Article }) instead of explicitEntities([User, Article]).',
    );
  }
  const offences: string[] = [];
  const keys = new Map<object, string>();
  const list: NamedEntity[] = [];
  for (const [key, entity] of Object.entries(entities)) {
    const read = readEntity(key, entity);
    if (typeof read === 'string') {
      offences.push(read);
      continue;
    }
    const other = keys.get(read.cls);
    if (other) {
      offences.push(`${other} and ${key} are one class: keep one of the two keys`);
    }
    keys.set(read.cls, key);
    list.push(read);
  }
  if (offences.length > 0) {
    throw new ExplicitNameError(`explicitEntities cannot name these entities: ${offences.join('; ')}.`);
  }
  if (list.length === 0) {
    throw new ExplicitNameError('explicitEntities got no entities: write explicitEntities({ User, Article }).');
  }
  return list;
}

/** The entity and where its names are, or what is wrong with it. */
function readEntity(key: string, entity: unknown): NamedEntity | string {
  if (entity === undefined || entity === null) {
    return `${key} is ${String(entity)}: a circular import? Import it from the file that defines it, and use () => ${key} in relations`;
  }
  const schema = EntitySchema.is(entity) ? entity : EntitySchema.REGISTRY.get(entity as EntityClass);
  const cls = schema ? schema.meta.class : entity;
  if (typeof cls !== 'function') {
    return `${key} is ${typeof entity === 'object' ? 'an object' : `a ${typeof entity}`}, not an entity class or what defineEntity returns`;
  }
  if (key.length > 'Schema'.length && key.endsWith('Schema')) {
    const name = key.slice(0, -'Schema'.length);
    return `${key} would name the class ${key}, and columns ${snakeCase(key)}_id: write \`${name}: ${key}\``;
  }
  const decorated = Object.hasOwn(cls, MetadataStorage.META_SYMBOL)
    ? (cls as unknown as Record<symbol, EntityMetadata>)[MetadataStorage.META_SYMBOL]
    : undefined;
  const metadata = [schema?.meta, decorated].filter(meta => meta !== undefined) as EntityMetadata[];
  return { key, entity: entity as ExplicitEntity, cls, metadata };
}

function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]/g, '_$&').toLowerCase();
}
