import type { MigrationsOptions } from '@mikro-orm/core';
import { OrmConfigError } from '../errors.js';

/** The files of migrations by name, which MikroORM has to read to roll them up; throws where one is missing. */
export function findMigrationFiles(
  folder: string,
  names: readonly string[],
  emit: MigrationsOptions['emit'] = 'ts',
): ReadonlyMap<string, string> {
  const { existsSync } = process.getBuiltinModule('node:fs');
  const { join } = process.getBuiltinModule('node:path');
  const files = new Map(names.map(name => [name, join(folder, `${name}.${emit}`)]));
  const missing = [...files.values()].filter(file => !existsSync(file));
  if (missing.length > 0) {
    throw new OrmConfigError(
      `migration:rollup merges the files of migrations, and cannot find ${missing.join(', ')}. Nothing was changed. Name each file after its class, and say where they are: explicitMigrations(migrations, { path: './migrations' }); or merge them by hand.`,
    );
  }
  return files;
}
