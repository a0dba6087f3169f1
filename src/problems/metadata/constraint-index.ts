import type { EntityMetadata, MetadataStorage, Platform } from '@mikro-orm/core';
import type { Clue } from '../drivers/driver.js';
import type { AnyOrm } from '../../orm-source.js';
import { findProperty, propertyPath } from './metadata-names.js';
import { indexTable, type Place, type TableIndex } from './table-index.js';
import { read } from '../error-fields.js';
import type { OrmVerdict } from '../mikro-orm-errors.js';

/** Names of the database and of classes to entities and properties, from metadata alone. */
export interface ConstraintIndex {
  /** What the clues lead to; undefined where the metadata know nothing of it. */
  find(clues: readonly Clue[]): Place | undefined;
  /** The entity and the property that the ORM named, or the entity of this instance. */
  locate(named: Pick<OrmVerdict, 'entity' | 'property'>, instance: unknown): Place | undefined;
  /** Whether an entity has all columns of a clue: in its table, or in any if the table is unknown (a partition, a view). */
  hasColumns(clue: Clue): boolean;
}

const indexes = new WeakMap<MetadataStorage, ConstraintIndex>();

/** The index of an ORM, built on its first error. */
export function constraintIndexOf(orm: AnyOrm): ConstraintIndex {
  const storage = orm.getMetadata();
  const index = indexes.get(storage) ?? buildIndex([...storage.getAll().values()], orm.config.getPlatform());
  indexes.set(storage, index);
  return index;
}

function buildIndex(metas: EntityMetadata[], platform: Platform): ConstraintIndex {
  const sharesTable = (meta: EntityMetadata): boolean => meta.root !== meta && meta.root.tableName === meta.tableName;
  const tables = metas
    .filter(meta => meta.tableName && !meta.embeddable && !meta.virtual && !sharesTable(meta))
    .map(meta => {
      const children = metas.filter(child => child.root === meta && sharesTable(child));
      return indexTable(meta, children, collectionOf(meta, metas), platform);
    });
  const entities = metas.filter(meta => !meta.pivotTable);
  return {
    find: clues => findPlace(tables, clues),
    locate({ entity, property = '' }, instance) {
      const type = read(instance, 'constructor');
      const meta =
        entities.find(({ className }) => className === entity) ??
        entities.find(own => own.class === type || own.className === read(type, 'name'));
      const prop = meta && findProperty(meta, property);
      return meta && { entity: meta.className, properties: prop && [propertyPath(meta, prop)] };
    },
    hasColumns({ columns = [], ...clue }) {
      const named = tablesOf(tables, clue);
      return (named.length > 0 ? named : tables).some(table => table.columns(columns) !== undefined);
    },
  };
}

/** The collection that a pivot table stores. */
function collectionOf(pivot: EntityMetadata, metas: EntityMetadata[]): Place | undefined {
  for (const { className, properties } of pivot.pivotTable ? metas : []) {
    const prop = Object.values(properties).find(
      ({ kind, owner, inherited, pivotEntity }) => kind === 'm:n' && owner && !inherited && pivotEntity === pivot.class,
    );
    if (prop !== undefined) {
      return { entity: className, properties: [prop.name] };
    }
  }
  return undefined;
}

function findPlace(tables: TableIndex[], clues: readonly Clue[]): Place | undefined {
  for (const clue of clues) {
    const { constraint = '', columns = [] } = clue;
    const places = tablesOf(tables, clue).map(
      table => table.constraints.get(constraint || columns.join()) ?? table.columns(columns),
    );
    const found = agree(places.filter(place => place !== undefined));
    if (found?.properties?.length) {
      return found;
    }
  }
  // no constraint that is known, but a table
  const table = clues.find(clue => clue.table);
  return table && agree(tablesOf(tables, table).map(({ entity }) => ({ entity })));
}

function tablesOf(tables: TableIndex[], { schema, table }: Clue): TableIndex[] {
  if (!table) {
    return tables;
  }
  const named = tables.filter(({ name }) => name === table);
  const exact = named.filter(own => own.schema === schema);
  return exact.length > 0 ? exact : named.filter(own => !schema || !own.schema || own.schema === '*');
}

/** Several tables may know a name: only what all of them say is certain. */
function agree([first, ...others]: Place[]): Place | undefined {
  const same = (key: keyof Place): boolean => others.every(other => `${other[key]}` === `${first?.[key]}`);
  return !same('properties') ? undefined : same('entity') ? first : { properties: first?.properties };
}
