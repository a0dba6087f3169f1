import type * as library from '../index.js';
import { OrmConfigError } from '../errors.js';

// The main entry under the export condition `workerd` (Cloudflare Workers): all that works there, unchanged. Neither this
// nor what it leads to imports a module of Node.js: workerd lacks some, depending on its flags, and a bundle that imports
// one does not load, so that nothing could say which flag is missing.

export { channels } from '../channels.js';
export { withRequestContext } from '../requests/with-request-context.js';
export { retryTransaction } from '../requests/retry-transaction.js';
export { openEm } from '../requests/open-em.js';
export { whenSent } from '../requests/when-sent.js';
export { forkPerRequest } from '../requests/fork-per-request.js';
export { mapOrmError } from '../problems/map-orm-error.js';
export { toProblemResponse } from '../problems/to-problem-response.js';
export { writeProblem } from '../problems/write-problem.js';
export {
  ExplicitNameError,
  MigrationLockError,
  OrmClosedError,
  OrmConfigError,
  OrmWebError,
  PoolTimeoutError,
  QueryTimeoutError,
  TransactionRetryError,
} from '../errors.js';
export { explicitMigrations } from '../migrations/explicit-migrations.js';
export { explicitEntities } from '../entities/explicit-entities.js';

/** A pool that outlives requests cannot work there: a socket, and a promise, belong to the request that made them. */
export const createOrmSingleton: typeof library.createOrmSingleton = () => {
  throw new OrmConfigError(
    'createOrmSingleton keeps one pool for a process, and a connection on Cloudflare Workers belongs to the request that opened it. Use createEdgeOrm(config, d1(env.DB)) of mikro-orm-web/edge, or durableObject() or perRequest(…) in place of d1.',
  );
};
