import { ReferenceKind, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import type { AnyOrm } from '../orm-source.js';

/** A column whose values stand for classes. */
export interface DiscriminatorColumn {
  /** What it tells apart: rows of a hierarchy, embedded objects, or the tables that a relation leads to. */
  readonly kind: 'hierarchy' | 'embeddable' | 'relation';
  /** The entity with the column, or the root of the hierarchy. */
  readonly meta: EntityMetadata;
  /** What it is called in messages: a class, or a property. */
  readonly name: string;
  readonly column: string;
  /** Of each value, the columns that its class has; of a relation none. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly isText: boolean;
}

/** All of them, but those in JSON. */
export function discriminatorColumns(orm: AnyOrm): DiscriminatorColumn[] {
  const all = [...orm.getMetadata().getAll().values()].filter(
    meta => !meta.embeddable && !meta.virtual && !meta.view && !meta.expression,
  );
  const found = all.flatMap(meta => [
    ...hierarchy(meta, all),
    ...meta.props.flatMap(prop => [...embeddable(meta, prop), ...relation(meta, prop), ...pivot(prop, all)]),
  ]);
  // classes of a hierarchy share their columns, and both sides of a relation its table
  const seen = new Set<string>();
  return found.filter(({ meta, column }) => {
    const key = `${meta.schema ?? ''}.${meta.tableName}.${column}`;
    return !seen.has(key) && seen.add(key);
  });
}

function hierarchy(meta: EntityMetadata, all: readonly EntityMetadata[]): DiscriminatorColumn[] {
  const prop = meta.properties[meta.discriminatorColumn as never] as EntityProperty | undefined;
  // of classes with a table each it is computed
  const column = prop?.persist === false ? undefined : prop?.fieldNames?.[0];
  if (meta.root !== meta || meta.discriminatorMap === undefined || column === undefined) {
    return [];
  }
  const classes = Object.entries(meta.discriminatorMap).map(([value, type]): [string, string[]] => [
    value,
    columnsOf(all.find(other => other.class === (type as unknown) || other.className === (type as unknown))?.props),
  ]);
  const isText = prop?.runtimeType === 'string';
  return [{ kind: 'hierarchy', meta, name: meta.className, column, values: new Map(classes), isText }];
}

/** One of several embeddables, in columns. The app itself writes the values, by the names of the classes or otherwise. */
function embeddable(meta: EntityMetadata, prop: EntityProperty): DiscriminatorColumn[] {
  const { polymorphs, discriminatorColumn } = prop.targetMeta ?? {};
  const isInColumns = prop.kind === ReferenceKind.EMBEDDED && !prop.object && !prop.array && prop.persist !== false;
  const discriminator = prop.embeddedProps?.[discriminatorColumn as string];
  const column = discriminator?.fieldNames?.[0];
  if (!isInColumns || !polymorphs || column === undefined) {
    return [];
  }
  const classes = embeddableValues(polymorphs).map(([value, names]): [string, string[]] => [
    value,
    columnsOf(names.map(name => prop.embeddedProps[name])),
  ]);
  const name = `${meta.className}.${prop.name}`;
  return [
    {
      kind: 'embeddable',
      meta,
      name,
      column,
      values: new Map(classes),
      isText: discriminator?.runtimeType === 'string',
    },
  ];
}

/** The values of embeddables, and the properties that each has. */
export const embeddableValues = (polymorphs: readonly EntityMetadata[]): [value: string, names: string[]][] =>
  polymorphs.flatMap(({ discriminatorValue, props }) =>
    discriminatorValue === undefined ? [] : [[String(discriminatorValue), props.map(({ name }) => name)]],
  );

/** A relation to one of several entities: its values are the names of their tables, if the app has not chosen others. */
function relation(meta: EntityMetadata, prop: EntityProperty): DiscriminatorColumn[] {
  const column = prop.fieldNames?.[0];
  const isToOne = prop.kind === ReferenceKind.MANY_TO_ONE || prop.kind === ReferenceKind.ONE_TO_ONE;
  if (!isToOne || !prop.polymorphic || !prop.discriminatorMap || prop.persist === false || column === undefined) {
    return [];
  }
  return byTables(meta, `${meta.className}.${prop.name}`, column, prop.discriminatorMap, prop.polymorphTargets ?? []);
}

/** A many-to-many whose one side are several entities. */
function pivot(prop: EntityProperty, all: readonly EntityMetadata[]): DiscriminatorColumn[] {
  const { polymorphic, discriminatorColumn: column, pivotTable } = prop;
  const isToMany = prop.kind === ReferenceKind.MANY_TO_MANY && polymorphic && column !== undefined;
  const meta = isToMany ? all.find(other => other.pivotTable && other.tableName === pivotTable) : undefined;
  return meta?.polymorphicDiscriminatorMap && column !== undefined
    ? byTables(meta, `${meta.tableName} of ${prop.name}`, column, meta.polymorphicDiscriminatorMap, all)
    : [];
}

function byTables(
  meta: EntityMetadata,
  name: string,
  column: string,
  map: object,
  targets: readonly EntityMetadata[],
): DiscriminatorColumn[] {
  const isDefault = Object.entries(map).every(
    ([value, type]) => targets.find(other => other.class === type)?.tableName === value,
  );
  const values = new Map(Object.keys(map).map((value): [string, string[]] => [value, []]));
  return isDefault ? [{ kind: 'relation', meta, name, column, values, isText: true }] : [];
}

const columnsOf = (props: readonly (EntityProperty | undefined)[] = []): string[] =>
  props.flatMap(prop => (!prop || prop.persist === false ? [] : (prop.fieldNames ?? [])));
