import type { MigrationDiff, MigrationsOptions } from '@mikro-orm/core';
import type { AnyOrm } from '../orm-source.js';
import { warn } from '../util/warn.js';
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
      // apart from the rest: only the command line needs them, and the file system
      const [{ migrationsFolder, otherFolder }, { writeMigrationIndex }] = await Promise.all([
        import('./migrations-folder.js'),
        import('./write-index.js'),
      ]);
      const config = this.driver.config as AnyOrm['config'];
      const folder = migrationsFolder(config, this.options, path);
      const other = (path ?? options.path ?? options.pathTs) ? undefined : otherFolder(config, folder);
      if (other !== undefined) {
        warn(
          config,
          `The migration was written to ${folder}, and ${other} has an index, too. If the config imports that one, move the migration there and name the folder: explicitMigrations(migrations, { path: './src/migrations' }).`,
        );
      }
      await writeMigrationIndex(config, folder, this.options.emit ?? 'ts');
      return generated;
    }
  };
}
