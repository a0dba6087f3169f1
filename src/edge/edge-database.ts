import type { Dialect } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';

/** A dialect of Kysely, whichever copy of Kysely it comes from. */
export type KyselyDialect = Dialect;

/** What `createEdgeOrm` takes: `d1(…)`, `durableObject()` or `perRequest(…)`. */
export interface EdgeDatabase {
  /** Options of MikroORM that this database needs, where the config does not set them. */
  readonly defaults: { readonly batchSize?: number; readonly useBatchUpdates?: boolean };
  /** The dialect that `orm` uses for all of its connections; asked for when it connects, and never at module scope. */
  dialectFor(orm: AnyOrm): KyselyDialect | Promise<KyselyDialect>;
}
