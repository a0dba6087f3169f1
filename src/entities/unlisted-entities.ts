import { EntitySchema, MetadataStorage, type EntityMetadata } from '@mikro-orm/core';
import { ExplicitNameError } from '../errors.js';
import { isNamed } from './named-entities.js';
import type { AnyOrm } from '../orm-source.js';

/**
 * Refuses entities that discovery found by itself, when the list was made by `explicitEntities`: in a bundle they keep
 * the class names that a minifier made, and columns, discriminators and tables come from those.
 */
export function assertAllListed(orm: AnyOrm): void {
  const listed = new Set<unknown>(orm.config.get('entities').flatMap(entity => [entity, classOf(entity)]));
  if (![...listed].some(isNamed)) {
    return;
  }
  const found = [...orm.getMetadata().getAll().values()];
  const leadingTo = new Map<unknown, string>();
  for (const { className, relations } of found) {
    for (const { name, targetMeta, polymorphTargets = [] } of relations) {
      for (const target of [targetMeta, ...polymorphTargets]) {
        leadingTo.set(target?.class, ` (through ${className}.${name})`);
      }
    }
  }
  const unlisted = found.filter(meta => !listed.has(meta.class) && needsName(meta, leadingTo));
  if (unlisted.length > 0) {
    const names = unlisted.map(meta => meta.className + (leadingTo.get(meta.class) ?? '')).join(', ');
    throw new ExplicitNameError(
      `Entities are missing in explicitEntities: ${names}. List each under its name: explicitEntities({ …, ${unlisted[0]!.className} }).`,
    );
  }
}

/** Whether its class name ends up in the database: a concrete class that others lead to, or share a hierarchy with. */
function needsName(meta: EntityMetadata, targets: ReadonlyMap<unknown, string>): boolean {
  if (meta.abstract || meta.virtual) {
    return false;
  }
  if (meta.pivotTable) {
    // MikroORM makes one for each many-to-many relation, and names it by the table
    return EntitySchema.REGISTRY.has(meta.class) || Object.hasOwn(meta.class, MetadataStorage.META_SYMBOL);
  }
  return targets.has(meta.class) || meta.root.discriminatorColumn !== undefined || meta.inheritanceType === 'tpt';
}

function classOf(entity: unknown): unknown {
  return typeof entity === 'object' && entity !== null && 'meta' in entity
    ? (entity as { meta: { class: unknown } }).meta.class
    : entity;
}
