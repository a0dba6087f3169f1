import type { AsyncLocalStorage } from 'node:async_hooks';
import { OrmConfigError } from '../errors.js';
import type { DatabaseConnection, KyselyDriver } from '../mikro-orm-internals.js';
import { Mutex } from '../util/mutex.js';
import { DurableObjectConnection } from './durable-object-connection.js';
import type { DurableObjectStorageLike } from './durable-object-storage.js';
import type { EdgeDatabase } from './edge-database.js';
import { sqliteDialect } from './sqlite-dialect.js';

let running: AsyncLocalStorage<DurableObjectStorageLike> | undefined;

/** One connection an object: what runs in one object never waits for another. */
const locks = new WeakMap<DurableObjectStorageLike, Mutex>();

/**
 * The SQLite of the Durable Object that a query runs in: that of {@link inDurableObject}. Transactions are real, and nest by
 * savepoints. As on SQLite in Node.js, an object has one connection: what queries beside a transaction waits for its end.
 *
 * @example
 * ```ts
 * import { createEdgeOrm, durableObject } from 'mikro-orm-web/edge';
 * import { config } from './config';
 *
 * export const orm = createEdgeOrm(config, durableObject());
 * ```
 */
export function durableObject(): EdgeDatabase {
  const dialect = sqliteDialect(new DurableObjectDriver());
  return {
    // values are written into the SQL, of which it takes 100 kB
    defaults: { batchSize: 50 },
    dialectFor: () => dialect,
  };
}

/**
 * Runs `work` on the storage of a Durable Object: all that it queries, by whichever ORM of {@link durableObject}.
 *
 * @param storage `ctx.storage` of a class with SQLite (`new_sqlite_classes`)
 * @throws `OrmConfigError` for a storage without SQLite; whatever `work` throws
 *
 * @example
 * ```ts
 * import { DurableObject } from 'cloudflare:workers';
 * import { withRequestContext } from 'mikro-orm-web';
 * import { inDurableObject, migrateEdge } from 'mikro-orm-web/edge';
 * import { Message } from './entities';
 * import { orm } from './orm';
 *
 * export class Room extends DurableObject {
 *   constructor(ctx: DurableObjectState, env: Env) {
 *     super(ctx, env);
 *     void ctx.blockConcurrencyWhile(() => inDurableObject(ctx.storage, () => migrateEdge(orm)));
 *   }
 *
 *   override fetch(): Promise<Response> {
 *     return inDurableObject(this.ctx.storage, () =>
 *       withRequestContext(orm, async em => Response.json(await em.findAll(Message))),
 *     );
 *   }
 * }
 * ```
 */
export async function inDurableObject<T>(storage: DurableObjectStorageLike, work: () => T | Promise<T>): Promise<T> {
  let hasSql = false;
  try {
    hasSql = typeof storage?.sql?.exec === 'function';
  } catch {
    // Cloudflare throws where the class has another storage
  }
  if (!hasSql) {
    throw new OrmConfigError(
      "inDurableObject needs ctx.storage of a Durable Object with SQLite. Pass ctx.storage, and list the class in new_sqlite_classes of wrangler.jsonc's migrations.",
    );
  }
  running ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<DurableObjectStorageLike>();
  return running.run(storage, async () => work());
}

class DurableObjectDriver implements KyselyDriver {
  async init(): Promise<void> {}
  async destroy(): Promise<void> {}

  async acquireConnection(): Promise<DurableObjectConnection> {
    const storage = running?.getStore();
    if (!storage) {
      throw new OrmConfigError(
        'A query of durableObject() ran outside of a Durable Object. Put inDurableObject(ctx.storage, …) around it.',
      );
    }
    let lock = locks.get(storage);
    if (!lock) {
      locks.set(storage, (lock = new Mutex()));
    }
    await lock.take();
    return new DurableObjectConnection(storage);
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    locks.get((connection as DurableObjectConnection).storage)?.release();
  }

  beginTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as DurableObjectConnection).begin();
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as DurableObjectConnection).commit();
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as DurableObjectConnection).rollback();
  }

  savepoint(connection: DatabaseConnection): Promise<void> {
    return (connection as DurableObjectConnection).begin();
  }

  releaseSavepoint(connection: DatabaseConnection): Promise<void> {
    return (connection as DurableObjectConnection).commit();
  }

  rollbackToSavepoint(connection: DatabaseConnection): Promise<void> {
    return (connection as DurableObjectConnection).rollback();
  }
}
