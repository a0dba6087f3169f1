import type { MigrationDiff, MigrationsOptions } from '@mikro-orm/core';
import type { AnyOrm } from '../orm-source.js';
import { JSMigrationGenerator, TSMigrationGenerator } from '@mikro-orm/migrations';

/**
 * MikroORM's migration generator, which after each new migration also writes the `index` beside it: one line for each
 * migration, sorted. A file that it did not write is left alone.
 */
export function migrationIndexGenerator(options: MigrationsOptions): NonNullable<MigrationsOptions['generator']> {
  const Native = options.emit === 'js' || options.emit === 'cjs' ? JSMigrationGenerator : TSMigrationGenerator;
  const Base = (options.generator ?? Native) as typeof TSMigrationGenerator;
  return class extends Base {
    override async generate(diff: MigrationDiff, path?: string, name?: string): Promise<[string, string]> {
      const generated = await super.generate(diff, path, name);
      const { emit = 'ts', pathTs, path: pathJs } = this.options;
      const folder = path ?? (emit === 'ts' && pathTs ? pathTs : pathJs) ?? './migrations';
      // apart from the rest: only the command line needs it, and the file system
      const { writeMigrationIndex } = await import('./write-index.js');
      await writeMigrationIndex(this.driver.config as AnyOrm['config'], folder, emit);
      return generated;
    }
  };
}
