import { OrmConfigError } from '../errors.js';
import type { DatabaseConnection, KyselyDriver } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import type { D1Binding } from './d1-binding.js';
import { D1Connection } from './d1-connection.js';
import type { EdgeDatabase, KyselyDialect } from './edge-database.js';
import { convertException, sqliteDialect } from './sqlite-dialect.js';

/**
 * A D1 database. D1 has no transactions but batches: what a flush or `em.transactional` writes is collected, and sent as one
 * batch at its end, which D1 runs wholly or not at all. What would have to read within it is refused by an
 * {@link OrmConfigError}, which says what to use.
 *
 * It is a dialect of Kysely as well, for the config of a deploy step: `defineConfig({ driverOptions: d1(env.DB), … })`.
 *
 * @param binding `env.DB`, or a function that leads to it, which is called for each query or transaction
 *
 * @example
 * ```ts
 * import { env } from 'cloudflare:workers';
 * import { createEdgeOrm, d1 } from 'mikro-orm-web/edge';
 * import { config } from './config';
 *
 * export const orm = createEdgeOrm(config, d1(() => env.DB));
 * ```
 */
export function d1(binding: D1Binding | (() => D1Binding)): EdgeDatabase & KyselyDialect {
  return {
    ...sqliteDialect(new D1Driver(binding)),
    // values are written into the SQL, of which D1 takes 100 kB; and an update of many rows returns their keys
    defaults: { batchSize: 50, useBatchUpdates: false },
    dialectFor: orm => sqliteDialect(new D1Driver(binding, concurrencyChecks(orm))),
  };
}

/** The properties that an update compares, by table: MikroORM asks how many rows it has changed. */
function concurrencyChecks(orm: AnyOrm): ReadonlyMap<string, string> {
  const metas = [...orm.getMetadata().getAll().values()].filter(meta => meta.concurrencyCheckKeys.size > 0);
  return new Map(metas.map(meta => [meta.tableName, [...meta.concurrencyCheckKeys].join(', ')]));
}

class D1Driver implements KyselyDriver {
  readonly #binding: D1Binding | (() => D1Binding);
  readonly #checks: ReadonlyMap<string, string>;

  constructor(binding: D1Binding | (() => D1Binding), checks: ReadonlyMap<string, string> = new Map()) {
    this.#binding = binding;
    this.#checks = checks;
  }

  async init(): Promise<void> {}
  async destroy(): Promise<void> {}
  async releaseConnection(): Promise<void> {}

  async acquireConnection(): Promise<D1Connection> {
    const database = typeof this.#binding === 'function' ? this.#binding() : this.#binding;
    if (typeof database?.prepare !== 'function') {
      throw new OrmConfigError(
        'd1() got no D1 database. Pass env.DB, or () => env.DB, with the name of the binding in wrangler.jsonc.',
      );
    }
    return new D1Connection(database, this.#checks);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    (connection as D1Connection).begin();
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as D1Connection).commit().catch((error: unknown) => {
      throw convertException(error);
    });
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    (connection as D1Connection).rollback();
  }

  async savepoint(connection: DatabaseConnection): Promise<void> {
    (connection as D1Connection).mark();
  }

  async releaseSavepoint(connection: DatabaseConnection): Promise<void> {
    (connection as D1Connection).unmark();
  }

  async rollbackToSavepoint(connection: DatabaseConnection): Promise<void> {
    (connection as D1Connection).rollbackToMark();
  }
}
