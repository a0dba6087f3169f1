import type { MikroORM } from '@mikro-orm/core';
import { createOrmSingleton, type OrmWebError } from '../index.js';
import { renamedMigrations } from '../migrations/checked-migrator.js';
import { assertMigrationsFolder } from '../migrations/migrations-folder.js';
import type { MigrateOptions, RunSchema } from '../migrations/migrate-options.js';
import { assertMigratable, inSchema } from '../migrations/pending-migrations.js';
import { assertRecordedNames } from '../migrations/recorded-names.js';
import { identifyDatabase, isThere } from '../process/database-identity.js';
import { fail, withoutEntities, type Config } from './config.js';

/** Runs pending migrations, and says which they were. */
export async function migrate(config: Config, options: MigrateOptions): Promise<number> {
  const orm = createOrmSingleton(config, { migrate: options });
  try {
    const { migrations } = await orm.check();
    const pending = migrations.pending.join(', ');
    await orm();
    console.log(
      pending ? `The database has all migrations; pending were: ${pending}` : 'The database has all migrations.',
    );
    return 0;
  } finally {
    await orm.close();
  }
}

/** Says what `migrate` would do. Exit codes: 1 if there is something, 2 if that cannot be told. */
export async function checkMigrations(config: Config, schemas: string[] | undefined): Promise<number> {
  await withoutEntities(config, assertMigrations);
  const orm = createOrmSingleton(config, { migrate: { schemas } });
  try {
    const { database, migrations, schema } = await orm.check();
    if (!database.ok) {
      throw new Error(`The database does not answer: ${database.reason}.`);
    }
    const { recorded, repairs } = await withoutEntities(config, own => readNames(own, schemas ?? [undefined]));
    const pending = migrations.pending.filter(name => !recorded.has(name));
    // names that `renamed` repairs are told below
    const reason = repairs.length === 0 ? schema?.reason : undefined;
    if (pending.length > 0 || repairs.length > 0 || reason !== undefined) {
      throw new ToDo(
        [
          pending.length > 0 && `Pending: ${pending.join(', ')}`,
          repairs.length > 0 && `To rename: ${repairs.join(', ')}`,
          reason,
        ]
          .filter(Boolean)
          .join('\n'),
      );
    }
    console.log('No migration is pending.');
    return 0;
  } catch (error) {
    return fail(error, error instanceof ToDo || (error as Partial<OrmWebError>).code === 'EXPLICIT_NAME' ? 1 : 2);
  } finally {
    await orm.close();
  }
}

/** What `migrate` would change. */
class ToDo extends Error {}

/** Throws where there is nothing that could be run: an answer to "is something pending?" would be wrong. */
export async function assertMigrations(orm: MikroORM): Promise<void> {
  assertMigratable(orm);
  await assertMigrationsFolder(orm);
}

/** Reads the recorded names as a run would see them; a database that is not there has none, and must not be created. */
async function readNames(
  orm: MikroORM,
  schemas: readonly RunSchema[],
): Promise<{ recorded: ReadonlySet<string>; repairs: string[] }> {
  const [all, repairs]: [string[], string[]] = [[], []];
  if (isThere(identifyDatabase(orm))) {
    for (const schema of schemas) {
      const { recorded, targets } = await assertRecordedNames(orm, renamedMigrations(orm), undefined, schema);
      all.push(...[...recorded].map(name => inSchema(schema, name)));
      repairs.push(...Array.from(targets, ([{ id, name }, to]) => `${id} ${inSchema(schema, name)} (${to})`));
    }
  }
  return { recorded: new Set(all), repairs };
}
