import type { EntityMetadata, EntityProperty, Platform } from '@mikro-orm/core';
import { columnsIn, findProperty, jsonProperty, leadingIdentifier, propertyPath } from './metadata-names.js';

/** Entity and properties that a name of the database stands for. */
export interface Place {
  readonly entity?: string | undefined;
  readonly properties?: readonly string[] | undefined;
  /** The property itself, if it is a single one. */
  readonly property?: EntityProperty | undefined;
}

/** One table of the database, as the metadata describe it. */
export interface TableIndex {
  readonly schema: string | undefined;
  readonly name: string;
  readonly entity: string;
  /** By the name of a constraint or unique index, or by SQLite's text for a check. */
  readonly constraints: ReadonlyMap<string, Place>;
  /** By all of these columns; undefined if one is not known. */
  columns(names: readonly string[]): Place | undefined;
}

/**
 * Computes every name that MikroORM's schema generator gives for this table, without a query. `children` share the table
 * with `meta` (single table inheritance); `collection` is what a pivot table stores.
 */
export function indexTable(
  meta: EntityMetadata,
  children: readonly EntityMetadata[],
  collection: Place | undefined,
  platform: Platform,
): TableIndex {
  const constraints = new Map<string, Place>();
  const byColumn = new Map<string, EntityProperty>();
  const primary = meta.primaryKeys.flatMap(name => meta.properties[name] ?? []);
  // Of table per type, a child's table has its own columns and the key.
  const props = (meta.tptParent ? [...primary, ...(meta.ownProps ?? [])] : Object.values(meta.properties))
    .filter(
      prop =>
        prop.persist !== false &&
        // the other side of a relation, and a collection, have no column here
        prop.fieldNames?.length &&
        prop.columnTypes?.length &&
        !/:[mn]$/.test(prop.kind) &&
        (prop.kind !== 'embedded' || prop.object),
    )
    .sort((a, b) => a.fieldNames.length - b.fieldNames.length);

  const place = (owners: readonly EntityProperty[]): Place => ({
    entity: ownerOf(meta, children, owners),
    properties: [...new Set(owners.map(prop => propertyPath(meta, prop)))],
    property: owners.length === 1 ? owners[0] : undefined,
    ...collection,
  });
  const add = (owners: readonly EntityProperty[], ...names: (string | undefined)[]): void => {
    for (const name of names.flatMap(full => [full, full?.slice(0, platform.getMaxIdentifierLength())])) {
      if (name && !constraints.has(name)) {
        constraints.set(name, place(owners));
      }
    }
  };
  const columnsOf = (owners: readonly EntityProperty[]): string[] => [
    ...new Set(owners.flatMap(prop => prop.fieldNames)),
  ];
  const addIndex = (owners: readonly EntityProperty[], type: 'unique' | 'foreign', given: unknown): void => {
    const columns = columnsOf(owners);
    const name = typeof given === 'string' ? given : platform.getIndexName(meta.tableName, columns, type);
    add(owners, name, columns.join());
  };

  for (const prop of props) {
    for (const column of prop.fieldNames) {
      // A composite key shares its columns with other properties: the narrowest one, which comes first, names them best.
      byColumn.set(column, byColumn.get(column) ?? prop);
    }
    if (prop.unique) {
      addIndex([prop], 'unique', prop.unique);
    }
    if (prop.targetMeta && !prop.polymorphic) {
      addIndex([prop], 'foreign', prop.foreignKeyName);
    }
  }
  addIndex(primary, 'unique', platform.getDefaultPrimaryName(meta.tableName, columnsOf(primary)));
  if (meta.tptParent) {
    addIndex(primary, 'foreign', undefined);
  }
  for (const { name, properties = [] } of meta.uniques) {
    const paths = [properties].flat();
    const owners = paths.flatMap(path => findProperty(meta, path) ?? jsonProperty(meta, path) ?? []);
    if (owners.length > 0 && owners.length === paths.length) {
      addIndex(owners, 'unique', name);
    }
  }
  for (const { name, property = '', expression } of meta.checks) {
    const sql = typeof expression === 'string' ? expression : String(Object(expression).sql);
    const prop = meta.properties[property];
    const owners = prop ? [prop] : columnsIn(sql, byColumn).flatMap(column => byColumn.get(column) ?? []);
    add(owners, name, sql, leadingIdentifier(sql));
  }

  return {
    schema: meta.schema,
    name: meta.tableName,
    entity: collection?.entity ?? meta.className,
    constraints,
    columns(names) {
      // an index over an expression names what it is about if that is one column
      const columns = names.map(name => (byColumn.has(name) ? [name] : columnsIn(name, byColumn)));
      return names.length > 0 && columns.every(used => used.length === 1)
        ? place(columns.flat().flatMap(column => byColumn.get(column) ?? []))
        : undefined;
    },
  };
}

/**
 * The entity that owns the properties. The root of a single table has its children's properties, too, marked as
 * inherited: those belong to the topmost child that declares them, or to the root if two children share them.
 */
function ownerOf(root: EntityMetadata, children: readonly EntityMetadata[], props: readonly EntityProperty[]): string {
  const owners = props.flatMap(({ name, inherited }) => {
    const having = inherited ? children.filter(child => child.properties[name]) : [];
    return having.find(top => having.every(own => own === top || own.class.prototype instanceof top.class)) ?? [];
  });
  return (new Set(owners).size === 1 ? owners[0]! : root).className;
}
