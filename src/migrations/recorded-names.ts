import type { Transaction } from '@mikro-orm/core';
import type { Migrator } from '@mikro-orm/migrations';
import { ExplicitNameError } from '../errors.js';
import { recordedNames, warnOfUnknown } from './pending-migrations.js';
import { looksMinified } from './migration-names.js';
import type { AnyOrm } from '../orm-source.js';

/** Repairs recorded names, then refuses minified ones, and warns of others that the list lacks; returns them. */
export async function checkRecordedNames(
  orm: AnyOrm,
  migrator: Migrator,
  renamed: Readonly<Record<string, string>>,
  transaction: Transaction | undefined,
): Promise<ReadonlySet<string>> {
  const recorded = await recordedNames(orm, transaction);
  await repairNames(orm, migrator, recorded, renamed, transaction);
  checkNames(orm, recorded);
  return recorded;
}

/** Gives recorded rows their names back; where both names are recorded, the wrong one goes. */
async function repairNames(
  orm: AnyOrm,
  migrator: Migrator,
  recorded: Set<string>,
  renamed: Readonly<Record<string, string>>,
  transaction: Transaction | undefined,
): Promise<void> {
  const repairs = Object.entries(renamed).filter(([from]) => recorded.has(from));
  if (repairs.length === 0) {
    return;
  }
  const { entity } = migrator.getStorage().getTableName();
  const repair = async (ctx: Transaction): Promise<void> => {
    for (const [from, to] of repairs) {
      if (recorded.has(to)) {
        await orm.driver.nativeDelete(entity as never, { name: from } as never, { ctx });
      } else {
        await orm.driver.nativeUpdate(entity as never, { name: from } as never, { name: to } as never, { ctx });
        recorded.add(to);
      }
      recorded.delete(from);
    }
  };
  await (transaction ? repair(transaction) : orm.driver.getConnection().transactional(repair));
}

function checkNames(orm: AnyOrm, recorded: ReadonlySet<string>): void {
  const listed = new Set(orm.config.get('migrations').migrationsList?.map(({ name }) => name));
  const unknown = [...recorded].filter(name => !listed.has(name));
  const minified = unknown.filter(looksMinified);
  if (minified.length > 0) {
    const example = minified.map(name => `${name}: '${[...listed][0]}'`).join(', ');
    throw new ExplicitNameError(
      `Migrations were recorded under names that a minifier made: ${minified.join(', ')}. Nothing was run. Say which they are, and the next run repairs them: explicitMigrations(migrations, { renamed: { ${example} } }).`,
    );
  }
  warnOfUnknown(orm, unknown);
}
