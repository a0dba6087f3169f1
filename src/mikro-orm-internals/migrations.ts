import type { MigrationObject, MigrationsOptions } from '@mikro-orm/core';
import type { AnyOrm } from '../orm-source.js';

type ListedMigration = NonNullable<MigrationsOptions['migrationsList']>[number];

/** The SQL of a migration. It is collected, and reaches no database; nothing where the migration needs one to tell. */
export async function migrationStatements(orm: AnyOrm, entry: ListedMigration): Promise<string[]> {
  const type = (typeof entry === 'function' ? entry : entry.class) as MigrationObject['class'];
  const executed: string[] = [];
  try {
    const migration = new type(withoutDatabase(orm) as never, orm.config as never) as unknown as Collectable;
    migration.execute = async sql => {
      executed.push(String(sql));
      return [];
    };
    migration.getEntityManager = () => {
      throw new Error('There is no database here.');
    };
    await migration.up();
    return [...migration.getQueries().map(String), ...executed];
  } catch {
    return [];
  }
}

interface Collectable {
  up(): unknown;
  getQueries(): unknown[];
  execute(sql: unknown): Promise<unknown[]>;
  getEntityManager(): never;
}

/** What a migration asks of a driver to choose its SQL. */
const HARMLESS = ['getPlatform', 'getDependencies', 'config', 'platform'];

function withoutDatabase(orm: AnyOrm): object {
  const driver = orm.driver as unknown as Record<string, unknown>;
  return new Proxy(
    {},
    {
      get(_, key) {
        if (!HARMLESS.includes(String(key))) {
          throw new Error('There is no database here.');
        }
        const value = driver[String(key)];
        return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(driver) : value;
      },
    },
  );
}
