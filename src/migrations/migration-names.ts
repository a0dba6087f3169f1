import type { MigrationObject } from '@mikro-orm/core';

/** A name of up to three characters: what minifiers make of a class. */
export function looksMinified(name: string): boolean {
  return /^[\w$]{1,3}$/.test(name);
}

/** What a naming strategy makes of a minified class name, in front of a column's name. */
export const MINIFIED_PREFIX = /^(?:[a-z0-9$]{1,3}|[a-z$]_[a-z0-9$]{1,2})_/i;

/** The name field of a migration, which the generator of MikroORM 7.2 writes, or undefined. */
export function ownName(migration: MigrationObject['class']): string | undefined {
  try {
    const { name } = new migration(undefined as never, undefined as never);
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}
