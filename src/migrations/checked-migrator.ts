import { Migrator, type MigrateOptions } from '@mikro-orm/migrations';
import type { OrmExtension } from './explicit-migrations.js';

/**
 * The Migrator extension, with a look at the recorded names before each run of `up()`, from whichever side it comes: the
 * command line, `createOrmSingleton`, or the app.
 */
export function checkedMigrator(renamed: Readonly<Record<string, string>>): OrmExtension & { name: string } {
  return {
    // MikroORM.init() knows the Migrator by this name, and would register its own over it
    name: 'Migrator',
    register(orm) {
      orm.config.registerExtension('@mikro-orm/migrator', () => {
        const migrator = new Migrator(orm.em as never);
        const up = migrator.up.bind(migrator);
        migrator.up = async options => {
          // apart from the rest: a process that does not migrate never needs it
          const { prepareRun } = await import('./prepare-run.js');
          await prepareRun(orm, migrator, renamed, typeof options === 'object' ? (options as MigrateOptions) : {});
          return up(options);
        };
        return migrator;
      });
    },
  };
}
