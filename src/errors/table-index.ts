import type { EntityMetadata, EntityProperty, Platform } from '@mikro-orm/core';
import { columnsIn, leadingIdentifier, propertyPath } from './metadata-names.js';

/** Entity and properties that a name of the database stands for. */
export interface Place {
  readonly entity?: string | undefined;
  readonly properties: readonly string[];
  /** The only property is an enum: a value out of range is one that is not allowed. */
  readonly enumeration?: boolean | undefined;
  /** Both ends of a foreign key. */
  readonly foreign?: { readonly columns: readonly string[]; readonly referenced: readonly string[] } | undefined;
}

/** One table of the database, as the metadata describe it. */
export interface TableIndex {
  readonly schema: string | undefined;
  readonly name: string;
  readonly entity: string;
  /** By the name of a constraint or unique index. */
  constraint(name: string): Place | undefined;
  /** By SQLite's text for a check. */
  check(text: string): Place | undefined;
  /** By all of these columns; undefined if one is not known. */
  columns(names: readonly string[]): Place | undefined;
}

/** Entities that share a table (single table inheritance), the root first; `pivot` is the collection that owns it. */
export interface TableSource {
  readonly metas: readonly EntityMetadata[];
  readonly pivot?: { readonly entity: string; readonly property: string } | undefined;
}

/** Computes every name that MikroORM's schema generator gives for this table, without a query. */
export function indexTable({ metas, pivot }: TableSource, platform: Platform): TableIndex {
  const head = metas[0] as EntityMetadata;
  const table = head.tableName;
  const constraints = new Map<string, Place>();
  const checks = new Map<string, Place>();
  const byColumn = new Map<string, EntityProperty>();
  const props = metas.flatMap(meta => storedProps(meta));

  const place = (owners: readonly EntityProperty[], paths?: readonly string[]): Place =>
    pivot
      ? { entity: pivot.entity, properties: [pivot.property] }
      : {
          entity: ownerOf(metas, owners),
          properties: paths ?? [...new Set(owners.map(prop => propertyPath(head, prop)))],
          enumeration: owners.length === 1 && owners[0]?.enum === true,
        };
  const add = (name: string, found: Place): void => {
    for (const key of [name, name.slice(0, platform.getMaxIdentifierLength())]) {
      constraints.set(key, constraints.get(key) ?? found);
    }
  };
  const named = (name: unknown, columns: string[], type: 'unique' | 'foreign'): string =>
    typeof name === 'string' ? name : platform.getIndexName(table, columns, type);

  for (const prop of props) {
    for (const column of prop.fieldNames) {
      const known = byColumn.get(column);
      // A composite key shares its columns with other properties: the narrowest one names them best.
      if (known === undefined || prop.fieldNames.length < known.fieldNames.length) {
        byColumn.set(column, prop);
      }
    }
    if (prop.unique) {
      add(named(prop.unique, prop.fieldNames, 'unique'), place([prop]));
    }
    if (prop.targetMeta !== undefined && !prop.polymorphic) {
      const foreign = { columns: prop.fieldNames, referenced: prop.referencedColumnNames };
      add(named(prop.foreignKeyName, prop.fieldNames, 'foreign'), { ...place([prop]), foreign });
    }
  }

  const primary = head.primaryKeys.flatMap(name => head.properties[name] ?? []);
  const primaryColumns = primary.flatMap(prop => prop.fieldNames);
  add(platform.getDefaultPrimaryName(table, primaryColumns), place(primary));
  if (head.tptParent !== undefined) {
    add(platform.getIndexName(table, primaryColumns, 'foreign'), place(primary));
  }

  for (const meta of metas) {
    for (const unique of meta.uniques) {
      const declared = unique.properties === undefined ? [] : [unique.properties].flat().map(String);
      const owners = declared.map(path => findProp(meta, path) ?? meta.properties[path.split('.')[0] ?? '']);
      if (owners.length === 0 || owners.includes(undefined)) {
        continue;
      }
      const known = owners.filter(prop => prop !== undefined);
      const columns = declared.flatMap((path, i) => columnsOfDeclared(path, meta, known[i] as EntityProperty));
      const paths = declared.map((path, i) =>
        findProp(meta, path) === known[i] ? propertyPath(meta, known[i] as EntityProperty) : path,
      );
      add(named(unique.name, [...new Set(columns)], 'unique'), place(known, paths));
    }
    for (const check of meta.checks) {
      const expression = textOf(check.expression);
      const prop = check.property === undefined ? undefined : meta.properties[check.property];
      const columns = columnsIn(expression, name => byColumn.has(name));
      const found = place(prop ? [prop] : columns.flatMap(column => byColumn.get(column) ?? []));
      for (const key of [check.name, expression, leadingIdentifier(expression)]) {
        if (key) {
          checks.set(key, checks.get(key) ?? found);
        }
      }
      if (check.name) {
        add(check.name, found);
      }
    }
  }

  return {
    schema: head.schema,
    name: table,
    entity: pivot?.entity ?? head.className,
    constraint: name => constraints.get(name),
    check: text => checks.get(text),
    columns(names) {
      const columns = names.map(name => {
        const used = byColumn.has(name) ? [name] : columnsIn(name, column => byColumn.has(column));
        return used.length === 1 ? used[0] : undefined;
      });
      if (columns.length === 0 || columns.includes(undefined)) {
        return undefined;
      }
      const whole = props.find(prop => sameColumns(prop.fieldNames, columns));
      return place(whole ? [whole] : columns.flatMap(column => byColumn.get(column as string) ?? []));
    },
  };
}

/** Properties with columns in this very table. */
function storedProps(meta: EntityMetadata): EntityProperty[] {
  const keys = meta.primaryKeys.flatMap(name => meta.properties[name] ?? []);
  const own =
    meta.inheritanceType === 'tpt' && meta.ownProps ? [...keys, ...meta.ownProps] : Object.values(meta.properties);
  return own.filter(
    prop =>
      prop.persist !== false &&
      prop.formula === undefined &&
      (prop.fieldNames?.length ?? 0) > 0 &&
      !['1:m', 'm:n'].includes(prop.kind) &&
      !(prop.kind === '1:1' && !prop.owner) &&
      !(prop.kind === 'embedded' && !prop.object),
  );
}

/**
 * The entity that owns the properties. The root of a single table has its children's properties, too, marked as
 * inherited: those belong to the topmost child that declares them, or to the root if two children share them.
 */
function ownerOf(metas: readonly EntityMetadata[], props: readonly EntityProperty[]): string {
  const [head, ...children] = metas as [EntityMetadata, ...EntityMetadata[]];
  const owners = new Set(
    props.map(({ name }) => {
      const own = head.properties[name];
      if (own !== undefined && !own.inherited) {
        return head;
      }
      const having = children.filter(meta => meta.properties[name] !== undefined);
      return having.find(top => having.every(meta => meta === top || extendsClass(meta, top))) ?? head;
    }),
  );
  owners.delete(head);
  const [owner] = owners;
  return (owners.size === 1 && owner ? owner : head).className;
}

const extendsClass = (meta: EntityMetadata, base: EntityMetadata): boolean =>
  typeof meta.class === 'function' && typeof base.class === 'function' && meta.class.prototype instanceof base.class;

const findProp = (meta: EntityMetadata, path: string): EntityProperty | undefined =>
  meta.properties[path] ??
  Object.values(meta.properties).find(prop => prop.embedded && propertyPath(meta, prop) === path);

/** As the schema generator names the columns of an index: a path into a JSON column keeps its path. */
function columnsOfDeclared(path: string, meta: EntityMetadata, prop: EntityProperty): string[] {
  return findProp(meta, path) === prop
    ? prop.fieldNames
    : [path.replace(path.split('.')[0] ?? '', prop.fieldNames[0] ?? '')];
}

const textOf = (expression: unknown): string =>
  typeof expression === 'string' ? expression : String((expression as { sql?: unknown } | undefined)?.sql ?? '');

const sameColumns = (left: readonly string[], right: readonly (string | undefined)[]): boolean =>
  left.length === right.length && left.every(column => right.includes(column));
