import { resolve } from 'node:path';
import type { MigrationsOptions } from '@mikro-orm/core';
import type { AnyOrm } from '../orm-source.js';

/** The folder of the sources of migrations: the one that `migration:create` writes to, unless it is told another. */
export function migrationsFolder(config: AnyOrm['config'], options: MigrationsOptions, given?: string): string {
  const { emit = 'ts', path = './migrations', pathTs } = options;
  return resolve(config.get('baseDir'), given ?? (emit === 'ts' ? (pathTs ?? path) : path));
}
