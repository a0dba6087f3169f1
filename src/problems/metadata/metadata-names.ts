import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';

/** The property as its user writes it: `address.zipCode` for what metadata call `address_zipCode`. */
export function propertyPath(meta: EntityMetadata, { name, embedded }: EntityProperty): string {
  const [parent = '', child] = embedded ?? [];
  const above = meta.properties[parent];
  return child === undefined ? name : `${above ? propertyPath(meta, above) : parent}.${child}`;
}

/** The property of this name or path. */
export const findProperty = (meta: EntityMetadata, path: string): EntityProperty | undefined =>
  meta.properties[path] ?? Object.values(meta.properties).find(prop => propertyPath(meta, prop) === path);

/** For a path into a JSON column, a property that stands for it: its index has the path in its name. */
export function jsonProperty(meta: EntityMetadata, path: string): EntityProperty | undefined {
  const [root = '', ...rest] = path.split('.');
  const column = meta.properties[root];
  return column && { ...column, name: path, fieldNames: [[column.fieldNames[0], ...rest].join('.')] };
}

/** Known columns in an expression of SQL, in order, without what is a function, a type of a cast, or text. */
export function columnsIn(expression: string, known: ReadonlyMap<string, unknown>): string[] {
  const code = expression.replace(/'(?:[^']|'')*'|::\s*[\w ]+/g, ' ');
  const names = code.match(/"[^"]+"|`[^`]+`|\[[^\]]+\]|[A-Za-z_]\w*(?!\w|\s*\()/g) ?? [];
  return [...new Set(names.map(name => name.replace(/^["`[](.+).$/, '$1')))].filter(name => known.has(name));
}

/** The quoted name that an expression begins with: all that SQLite prints of an unnamed check like `` `status` in … ``. */
export const leadingIdentifier = (expression: string): string | undefined =>
  /^\s*[`"[]([^`"\]]+)[`"\]]/.exec(expression)?.[1];
