import type { EntityMetadata, MetadataStorage } from '@mikro-orm/core';
import type { Clue } from './constraint-clues.js';
import type { OrmLike } from './orm-option.js';
import { propertyPath } from './metadata-names.js';
import { read, readText } from './safe-read.js';
import { indexTable, type Place, type TableIndex, type TableSource } from './table-index.js';

/** Names of the database and of classes to entities and properties, from metadata alone. */
export interface ConstraintIndex {
  /** What the clues lead to; undefined where the metadata know nothing of it. */
  find(clues: readonly Clue[]): Partial<Place> | undefined;
  /** The entity of this class name, if it is one. */
  entity(name: string | undefined): string | undefined;
  /** The property of that entity as a path, if it has it. */
  property(entity: string, name: string): string | undefined;
  /** The entity that this value is an instance of. */
  entityOf(value: unknown): string | undefined;
}

const indexes = new WeakMap<MetadataStorage, ConstraintIndex>();

/** The index of an ORM, built on its first error. */
export function constraintIndexOf(orm: OrmLike): ConstraintIndex {
  const storage = orm.getMetadata();
  const index = indexes.get(storage) ?? buildIndex(orm, [...storage.getAll().values()]);
  indexes.set(storage, index);
  return index;
}

function buildIndex(orm: OrmLike, metas: EntityMetadata[]): ConstraintIndex {
  const platform = orm.config.getPlatform();
  const tables = tableSources(metas).map(source => indexTable(source, platform));
  const named = new Map(metas.filter(meta => !meta.pivotTable).map(meta => [meta.className, meta]));
  return {
    find: clues => findPlace(tables, clues),
    entity: name => (name === undefined ? undefined : named.get(name)?.className),
    property(entity, name) {
      const meta = named.get(entity);
      const props = meta ? Object.values(meta.properties) : [];
      const prop =
        props.find(({ name: own }) => own === name) ?? props.find(own => meta && propertyPath(meta, own) === name);
      return meta && prop ? propertyPath(meta, prop) : undefined;
    },
    entityOf(value) {
      const type = read(value, 'constructor');
      const meta = metas.find(({ class: own }) => own === type) ?? named.get(readText(type, 'name') ?? '');
      return meta?.className;
    },
  };
}

/** Entities by table, roots first; a pivot table by the collection that it stores. */
function tableSources(metas: EntityMetadata[]): TableSource[] {
  const groups = new Map<string, EntityMetadata[]>();
  for (const meta of metas) {
    if (meta.tableName && !meta.embeddable && !meta.virtual && !meta.view) {
      const key = JSON.stringify([meta.schema, meta.tableName, meta.root?.className]);
      groups.set(key, [...(groups.get(key) ?? []), meta]);
    }
  }
  return Array.from(groups.values(), group => {
    const sorted = group.toSorted((a, b) => Number(b.root === b) - Number(a.root === a));
    return { metas: sorted, pivot: sorted[0]?.pivotTable ? collectionOf(sorted[0], metas) : undefined };
  });
}

function collectionOf(pivot: EntityMetadata, metas: EntityMetadata[]): TableSource['pivot'] {
  for (const meta of metas) {
    const prop = Object.values(meta.properties).find(
      ({ kind, owner, pivotEntity, inherited }) => kind === 'm:n' && owner && !inherited && pivotEntity === pivot.class,
    );
    if (prop !== undefined) {
      return { entity: meta.className, property: prop.name };
    }
  }
  return undefined;
}

function findPlace(tables: TableIndex[], clues: readonly Clue[]): Partial<Place> | undefined {
  for (const clue of clues) {
    const found = agree(tablesOf(tables, clue).flatMap(table => placeIn(table, clue) ?? []));
    if (found !== undefined) {
      return found;
    }
  }
  const table = clues.find(clue => clue.table !== undefined);
  const entities = new Set(table ? tablesOf(tables, table).map(({ entity }) => entity) : []);
  return entities.size === 1 ? { entity: [...entities][0] } : undefined;
}

function tablesOf(tables: TableIndex[], { schema, table }: Clue): TableIndex[] {
  if (table === undefined) {
    return tables;
  }
  const named = tables.filter(({ name }) => name === table);
  const exact = named.filter(own => own.schema === schema);
  return schema === undefined
    ? named
    : exact.length > 0
      ? exact
      : named.filter(own => own.schema === undefined || own.schema === '*');
}

function placeIn(table: TableIndex, { constraint, check, columns, qualified }: Clue): Place | undefined {
  const prefix = `${table.name}.`;
  const own = qualified?.every(name => name.startsWith(prefix))
    ? qualified.map(name => name.slice(prefix.length))
    : columns;
  return (
    (constraint === undefined ? undefined : table.constraint(constraint)) ??
    (check === undefined ? undefined : table.check(check)) ??
    (own === undefined ? undefined : table.columns(own))
  );
}

/** Several tables may know a name: only what all of them say is certain. */
function agree(places: Place[]): Partial<Place> | undefined {
  const [first, ...others] = places;
  if (first === undefined || first.properties.length === 0) {
    return undefined;
  }
  const properties = first.properties.join();
  if (!others.every(other => other.properties.join() === properties)) {
    return undefined;
  }
  return others.every(({ entity }) => entity === first.entity) ? first : { properties: first.properties };
}
