import { EntitySchema, MetadataStorage, type AnyEntity, type EntityClass, type EntityMetadata } from '@mikro-orm/core';
import { markNamed } from './named-entities.js';
import { readNamedList, readTooEarly, type NamedClass } from '../util/named-list.js';

/** What `explicitEntities` takes under a key: an entity class, or what `defineEntity` returns. */
export type ExplicitEntity = EntityClass<AnyEntity> | EntitySchema;

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
 * import { defineConfig } from '@mikro-orm/sqlite';
 * import { explicitEntities } from 'mikro-orm-web';
 * import { Article, Tag, UserSchema } from './entities';
 *
 * export default defineConfig({
 *   dbName: 'app.db',
 *   entities: explicitEntities({ User: UserSchema, Article, Tag }),
 * });
 * ```
 */
export function explicitEntities<const T extends Record<string, ExplicitEntity>>(entities: T): T[keyof T][] {
  const list = readNamedList(
    'explicitEntities',
    'explicitEntities({ User: UserSchema, Article })',
    entities,
    readEntity,
  );
  return list.map(({ name, class: cls, entity, metadata }) => {
    Object.defineProperty(cls, 'name', { value: name, configurable: true });
    for (const meta of metadata) {
      meta.className = name;
      // without a name, it is an abstract base that gets no table
      if (meta.name) {
        meta.name = name as never;
      }
    }
    markNamed(entity);
    markNamed(cls);
    return entity as T[keyof T];
  });
}

interface NamedEntity extends NamedClass {
  readonly class: object;
  readonly entity: ExplicitEntity;
  /** Where names were stored before discovery: in the schema, or by a decorator. */
  readonly metadata: EntityMetadata[];
}

/** The entity and where its names are, or what is wrong with it. */
function readEntity(key: string, entity: unknown): NamedEntity | string {
  if (entity === undefined || entity === null) {
    return `${key} is ${String(entity)}: a circular import? Import it from the file that defines it${readTooEarly()}`;
  }
  const schema = EntitySchema.is(entity) ? entity : EntitySchema.REGISTRY.get(entity as EntityClass);
  const cls = schema ? schema.meta.class : entity;
  if (typeof cls !== 'function') {
    return `${key} is ${typeof entity}, and neither an entity class nor what defineEntity returns`;
  }
  const name = key.replace(/(?<=.)Schema$/, '');
  if (name !== key) {
    const column = key.replace(/(?<=[a-z0-9])[A-Z]/g, '_$&').toLowerCase();
    return `${key} would name columns ${column}_id, write \`${name}: ${key}\``;
  }
  const decorated = Object.getOwnPropertyDescriptor(cls, MetadataStorage.META_SYMBOL)?.value as
    | EntityMetadata
    | undefined;
  const metadata = [schema?.meta as EntityMetadata | undefined, decorated].filter(meta => meta !== undefined);
  return { name: key, class: cls, entity: entity as ExplicitEntity, metadata };
}
