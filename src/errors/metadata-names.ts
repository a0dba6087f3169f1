import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';

/** The property as its user writes it: `address.zipCode` for what metadata call `address_zipCode`. */
export function propertyPath(meta: EntityMetadata, prop: EntityProperty): string {
  if (!prop.embedded) {
    return prop.name;
  }
  const [parent, child] = prop.embedded as [string, string];
  const above = meta.properties[parent];
  return `${above ? propertyPath(meta, above) : parent}.${child}`;
}

/** Columns in an expression of SQL, in order, without those that are a function, a type of a cast, or text. */
export function columnsIn(expression: string, isColumn: (name: string) => boolean): string[] {
  const code = expression.replace(/'(?:[^']|'')*'/g, ' ').replace(/::\s*[\w ]+/g, ' ');
  const names = Array.from(code.matchAll(/"([^"]+)"|`([^`]+)`|\[([^\]]+)\]|([A-Za-z_]\w*)(?!\w|\s*\()/g), match =>
    match.slice(1).find(name => name !== undefined),
  );
  return [...new Set(names.filter(name => name !== undefined && isColumn(name)))] as string[];
}

/** The quoted name that an expression begins with: all that SQLite prints of an unnamed check like `` `status` in … ``. */
export function leadingIdentifier(expression: string): string | undefined {
  return /^\s*[`"[]([^`"\]]+)[`"\]]/.exec(expression)?.[1];
}
