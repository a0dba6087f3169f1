import type { MikroORM } from '@mikro-orm/core';
import { resolveSchemas } from '../migrations/migrate-options.js';
import { readMigrationStatus } from '../migrations/migration-status.js';
import { print } from './output.js';

/** Prints the status of the migrations; returns 1 where there is something to do. */
export async function printStatus(
  orm: MikroORM,
  { json, schemas }: { json?: boolean | undefined; schemas?: string[] | undefined },
): Promise<number> {
  const status = await readMigrationStatus(orm, await resolveSchemas(orm, { schemas }));
  const { applied, pending, unknown, minified, lock } = status;
  if (json) {
    print(JSON.stringify(status, null, 2));
  } else {
    for (const [what, names] of Object.entries({ applied, pending, unknown, minified })) {
      const title = what[0]!.toUpperCase() + what.slice(1);
      console.log(names.length === 0 ? `${title}: none` : `${title} (${names.length}): ${names.join(', ')}`);
    }
    console.log(lock.held ? `Lock: held, ${lock.holder}` : 'Lock: free');
  }
  return pending.length > 0 || minified.length > 0 ? 1 : 0;
}
