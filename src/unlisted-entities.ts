import type { EntityMetadata } from '@mikro-orm/core';
import { ExplicitNameError } from './errors/orm-web-error.js';
import { isNamed } from './named-entities.js';
import type { AnyOrm } from './orm-source.js';

/**
 * Refuses entities that discovery found through a relation, when the list was made by `explicitEntities`: in a bundle
 * they keep the class names that a minifier made, and columns and discriminators come from those.
 */
export function assertAllListed(orm: AnyOrm): void {
  const listed = new Set<unknown>(orm.config.get('entities').flatMap(entity => [entity, classOf(entity)]));
  if (![...listed].some(isNamed)) {
    return;
  }
  const unlisted = new Map<unknown, string>();
  for (const meta of orm.getMetadata().getAll().values()) {
    for (const prop of meta.relations) {
      for (const target of relationTargets(prop)) {
        if (!target.abstract && !target.pivotTable && !listed.has(target.class)) {
          unlisted.set(target.class, `${target.className} (through ${meta.className}.${prop.name})`);
        }
      }
    }
  }
  if (unlisted.size > 0) {
    const names = [...unlisted.values()];
    const example = names.map(name => name.split(' ')[0]).join(', ');
    throw new ExplicitNameError(
      `Entities are missing in explicitEntities: ${names.join(', ')}. List each under its name: explicitEntities({ …, ${example} }).`,
    );
  }
}

function relationTargets(prop: EntityMetadata['relations'][number]): EntityMetadata[] {
  return [prop.targetMeta, ...(prop.polymorphTargets ?? [])].filter(meta => meta !== undefined);
}

function classOf(entity: unknown): unknown {
  return typeof entity === 'object' && entity !== null && 'meta' in entity
    ? (entity as { meta: { class: unknown } }).meta.class
    : entity;
}
