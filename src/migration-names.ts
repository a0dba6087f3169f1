import type { MigrationObject, MigrationsOptions } from '@mikro-orm/core';
import { ExplicitNameError } from './errors/orm-web-error.js';

/** A name of up to three characters: what minifiers make of a class. */
export function looksMinified(name: string): boolean {
  return /^[\w$]{1,3}$/.test(name);
}

/** The name field of a migration, which the generator of MikroORM 7.2 writes, or undefined. */
export function ownName(migration: MigrationObject['class']): string | undefined {
  try {
    const { name } = new migration(undefined as never, undefined as never);
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}

/** Refuses to run a list in which a minifier has left its marks, however the list came about. */
export function assertStableNames(list: NonNullable<MigrationsOptions['migrationsList']>): void {
  const names = list.map(entry => (typeof entry === 'function' ? (ownName(entry) ?? entry.name) : entry.name));
  const bad = [...new Set(names.filter((name, i) => looksMinified(name) || names.indexOf(name) !== i))];
  if (bad.length > 0) {
    throw new ExplicitNameError(
      `migrationsList has names that a minifier made or that occur twice: ${bad.join(', ')}. Nothing was run. Keys keep their names: import * as migrations from './migrations'; defineConfig({ ...explicitMigrations(migrations) }).`,
    );
  }
}
