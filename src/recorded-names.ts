import type { Migrator } from '@mikro-orm/migrations';
import { ExplicitNameError } from './errors/orm-web-error.js';
import { looksMinified } from './migration-names.js';
import type { AnyOrm } from './orm-source.js';
import { warn } from './warn.js';

/** Repairs recorded names, then refuses minified ones, and warns of others that the list lacks. */
export async function checkRecordedNames(
  orm: AnyOrm,
  migrator: Migrator,
  renamed: Readonly<Record<string, string>>,
): Promise<void> {
  await repairNames(orm, migrator, renamed);
  await checkNames(orm, migrator);
}

/** Gives recorded rows their names back; where both names are recorded, the wrong one goes. */
async function repairNames(orm: AnyOrm, migrator: Migrator, renamed: Readonly<Record<string, string>>): Promise<void> {
  const recorded = new Set(await recordedNames(migrator));
  const repairs = Object.entries(renamed).filter(([from]) => recorded.has(from));
  if (repairs.length === 0) {
    return;
  }
  const { entity } = migrator.getStorage().getTableName();
  await orm.driver.getConnection().transactional(async ctx => {
    for (const [from, to] of repairs) {
      if (recorded.has(to)) {
        await orm.driver.nativeDelete(entity as never, { name: from } as never, { ctx });
      } else {
        await orm.driver.nativeUpdate(entity as never, { name: from } as never, { name: to } as never, { ctx });
        recorded.add(to);
      }
    }
  });
}

async function checkNames(orm: AnyOrm, migrator: Migrator): Promise<void> {
  const listed = new Set(orm.config.get('migrations').migrationsList?.map(({ name }) => name));
  const unknown = (await recordedNames(migrator)).filter(name => !listed.has(name));
  const minified = unknown.filter(looksMinified);
  if (minified.length > 0) {
    const example = minified.map(name => `${name}: '${[...listed][0]}'`).join(', ');
    throw new ExplicitNameError(
      `Migrations were recorded under names that a minifier made: ${minified.join(', ')}. Nothing was run. Say which they are, and the next run repairs them: explicitMigrations(migrations, { renamed: { ${example} } }).`,
    );
  }
  if (unknown.length > 0) {
    const message = `The database has migrations that the list lacks: ${unknown.join(', ')}. They are left alone.`;
    warn(orm.config, message);
  }
}

async function recordedNames(migrator: Migrator): Promise<string[]> {
  return (await migrator.getExecuted()).map(({ name }) => migrator.getStorage().getMigrationName(name));
}
