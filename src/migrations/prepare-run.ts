import type { MigrationObject } from '@mikro-orm/core';
import type { MigrateOptions, Migrator } from '@mikro-orm/migrations';
import type { AnyOrm } from '../orm-source.js';
import { checkRecordedNames } from './recorded-names.js';

/** What has to be right before MikroORM's Migrator runs, in the schema and the transaction of the run. */
export async function prepareRun(
  orm: AnyOrm,
  migrator: Migrator,
  renamed: Readonly<Record<string, string>>,
  options: MigrateOptions,
): Promise<void> {
  const storage = migrator.getStorage();
  storage.setRunSchema(options.schema ?? orm.config.get('migrations').schema);
  try {
    const recorded = await checkRecordedNames(orm, migrator, renamed, options.transaction);
    separateTransactions(orm, migrator, recorded);
  } finally {
    storage.unsetRunSchema();
  }
}

/**
 * A migration outside of transactions, in a run that is one transaction, would wait for a connection (SQLite has one) or a
 * table that this transaction holds, for ever: then each migration of the run gets a transaction of its own.
 */
function separateTransactions(orm: AnyOrm, migrator: Migrator, recorded: ReadonlySet<string>): void {
  const listed = (orm.config.get('migrations').migrationsList ?? []) as MigrationObject[]; // explicitMigrations made it
  if (listed.some(({ name, class: type }) => !recorded.has(name) && !isTransactional(type.prototype))) {
    const run = migrator as unknown as { options: object };
    run.options = { ...run.options, allOrNothing: false };
  }
}

function isTransactional(prototype: { isTransactional(): boolean }): boolean {
  try {
    return prototype.isTransactional() !== false;
  } catch {
    return true; // it needs more than a prototype has
  }
}
