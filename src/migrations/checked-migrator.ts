import { Migrator, type MigrateOptions } from '@mikro-orm/migrations';
import type { AnyOrm } from '../orm-source.js';

/** An extension of MikroORM, such as its `Migrator` or `SeedManager`. */
export interface OrmExtension {
  register(orm: AnyOrm): void;
}

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
