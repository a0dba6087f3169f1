import type { MigrationsOptions } from '@mikro-orm/core';
import { OrmConfigError } from '../errors.js';
import type { AnyOrm } from '../orm-source.js';

/** The folder of the sources of migrations: the one that `migration:create` writes to, unless it is told another. */
export function migrationsFolder(config: AnyOrm['config'], options: MigrationsOptions, given?: string): string {
  const { emit = 'ts', path = './migrations', pathTs } = options;
  const { resolve } = process.getBuiltinModule('node:path');
  return resolve(config.get('baseDir'), given ?? (emit === 'ts' ? (pathTs ?? path) : path));
}

/** A folder of migrations in `src/`, beside the one that is written to where no `path` says which. */
export function otherFolder(config: AnyOrm['config'], folder: string): string | undefined {
  const { existsSync, readdirSync } = process.getBuiltinModule('node:fs');
  const other = process.getBuiltinModule('node:path').resolve(config.get('baseDir'), './src/migrations');
  const hasIndex = existsSync(other) && readdirSync(other).some(file => /^index\.[cm]?[jt]s$/.test(file));
  return hasIndex && other !== folder ? other : undefined;
}

/** Throws where migrations are files, and their folder is not there: MikroORM would create it, and run nothing. */
export async function assertMigrationsFolder(orm: AnyOrm): Promise<void> {
  if (orm.config.get('migrations').migrationsList) {
    return;
  }
  const migrator = orm.migrator as unknown as MigratorInternals;
  await migrator.resolvePaths();
  if (!process.getBuiltinModule('node:fs').existsSync(migrator.absolutePath)) {
    throw new OrmConfigError(
      `There is no migration to run: ${migrator.absolutePath} does not exist. Set migrations: { path } to the folder, or list the classes: defineConfig({ ...explicitMigrations(migrations) }), with import * as migrations from './migrations'.`,
    );
  }
}

// Not public API: test/cli/cli.test.ts holds MikroORM to it.
interface MigratorInternals {
  resolvePaths(): Promise<void>;
  absolutePath: string;
}
