import { OrmConfigError } from '../errors.js';
import { freshMigrator } from '../migrations/checked-migrator.js';
import { assertMigratable } from '../migrations/pending-migrations.js';
import type { AnyOrm } from '../orm-source.js';

/**
 * Runs pending migrations: in the constructor of a Durable Object, which has a database of its own, under
 * `blockConcurrencyWhile`; or on D1 in a deploy step. They run in one transaction, or on D1 in one batch: if one fails, none
 * has run. There is no lock: let one deploy step migrate D1.
 *
 * @param orm of {@link createEdgeOrm}, with `...explicitMigrations(migrations)` in its config
 * @throws `OrmConfigError` without migrations in the config; `ExplicitNameError` for names that a minifier made;
 *   the database's error where a migration fails
 *
 * @example
 * ```ts
 * import { DurableObject } from 'cloudflare:workers';
 * import { inDurableObject, migrateEdge } from 'mikro-orm-web/edge';
 * import { orm } from './orm';
 *
 * export class Room extends DurableObject {
 *   constructor(ctx: DurableObjectState, env: Env) {
 *     super(ctx, env);
 *     void ctx.blockConcurrencyWhile(() => inDurableObject(ctx.storage, () => migrateEdge(orm)));
 *   }
 * }
 * ```
 */
export async function migrateEdge(orm: AnyOrm): Promise<void> {
  if (typeof orm?.config?.getExtension !== 'function') {
    throw new OrmConfigError('migrateEdge got no ORM. Pass what createEdgeOrm returned.');
  }
  assertMigratable(orm);
  await freshMigrator(orm).up();
}
