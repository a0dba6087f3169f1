import { EntitySchema, MetadataStorage, type EntityMetadata } from '@mikro-orm/core';
import { ExplicitNameError } from '../errors.js';
import { isNamed } from './named-entities.js';
import type { AnyOrm } from '../orm-source.js';

/**
 * Refuses entities that discovery found by itself, when the list was made by `explicitEntities`: in a bundle they keep
 * the class names that a minifier made, and columns, discriminators and tables come from those.
 */
export function assertAllListed(orm: AnyOrm): void {
  const unlisted = findUnlisted(orm);
  if (unlisted.length > 0) {
    const names = unlisted.map(({ name, through }) => name + (through ? ` (through ${through})` : '')).join(', ');
    throw new ExplicitNameError(
      `Entities are missing in explicitEntities: ${names}. List each under its name: explicitEntities({ …, ${unlisted[0]!.name} }).`,
    );
  }
}

/** Entities that `explicitEntities` does not list, and what led to them. None where it was not used. */
export function findUnlisted(orm: AnyOrm): { name: string; through: string | undefined }[] {
  const listed = new Set<unknown>(orm.config.get('entities').flatMap(entity => [entity, classOf(entity)]));
  if (!isExplicit(orm)) {
    return [];
  }
  const found = [...orm.getMetadata().getAll().values()];
  const leadingTo = new Map<unknown, string>();
  for (const meta of found) {
    for (const { name, targetMeta, polymorphTargets = [] } of meta.relations) {
      for (const target of [targetMeta, ...polymorphTargets]) {
        leadingTo.set(target?.class, `${meta.className}.${name}`);
      }
    }
  }
  // a concrete base class has a table of its own, whether or not a relation leads to it
  const bases = new Set<unknown>(found.flatMap(meta => [Object.getPrototypeOf(meta.class), classOf(meta.extends)]));
  return found
    .filter(meta => !listed.has(meta.class) && needsName(meta, leadingTo, bases))
    .map(meta => ({ name: meta.className, through: leadingTo.get(meta.class) }));
}

/** Whether the list of entities was made by `explicitEntities`. */
export function isExplicit(orm: AnyOrm): boolean {
  return orm.config.get('entities').some(entity => isNamed(entity) || isNamed(classOf(entity)));
}

/** Whether its class name ends up in the database: a concrete class that others lead to or extend, or share a hierarchy with. */
function needsName(meta: EntityMetadata, targets: ReadonlyMap<unknown, string>, bases: ReadonlySet<unknown>): boolean {
  if (meta.abstract || meta.virtual) {
    return false;
  }
  if (meta.pivotTable) {
    // MikroORM makes one for each many-to-many relation, and names it by the table
    return EntitySchema.REGISTRY.has(meta.class) || Object.hasOwn(meta.class, MetadataStorage.META_SYMBOL);
  }
  const isBase = bases.has(meta.class) && !meta.embeddable && meta.name !== undefined;
  return (
    isBase || targets.has(meta.class) || meta.root.discriminatorColumn !== undefined || meta.inheritanceType === 'tpt'
  );
}

function classOf(entity: unknown): unknown {
  return typeof entity === 'object' && entity !== null && 'meta' in entity
    ? (entity as { meta: { class: unknown } }).meta.class
    : entity;
}
