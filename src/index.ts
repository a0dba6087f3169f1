export { createOrmSingleton } from './singleton/create-orm-singleton.js';
export type { OrmSingleton, OrmSingletonOptions } from './singleton/create-orm-singleton.js';
export type { PoolOptions } from './pool/pool-options.js';
export type { OrmHealth } from './singleton/health.js';
export type { OrmStats } from './process/orm-stats.js';
export type { PoolStats } from './pool/pool-stats.js';
export { channels } from './channels.js';
export type { ChannelMessages, OrmMessage, PoolMessage } from './channels.js';
export type { EmOf, OrmSource } from './orm-source.js';

export { withRequestContext } from './requests/with-request-context.js';
export { retryTransaction } from './requests/retry-transaction.js';
export type { RetryOptions } from './requests/retry-transaction.js';
export { openEm } from './requests/open-em.js';
export type { OpenEmOptions, OpenedEm } from './requests/open-em.js';
export { whenSent } from './requests/when-sent.js';
export { forkPerRequest } from './requests/fork-per-request.js';
export type { RequestOptions } from './requests/request-options.js';

export { mapOrmError } from './problems/map-orm-error.js';
export { toProblemResponse } from './problems/to-problem-response.js';
export { writeProblem } from './problems/write-problem.js';
export type { MapOrmErrorOptions, ProblemOverride } from './problems/map-orm-error.js';
export type { ProblemResponseInit } from './problems/problem-answer.js';
export type { ProblemTarget } from './problems/write-problem.js';
export type { OrmProblem, OrmProblemCode } from './problems/problem-codes.js';
export {
  ExplicitNameError,
  MigrationLockError,
  OrmClosedError,
  OrmConfigError,
  OrmWebError,
  PoolTimeoutError,
  QueryTimeoutError,
  TransactionRetryError,
} from './errors.js';

export { explicitMigrations } from './migrations/explicit-migrations.js';
export type { ExplicitMigrationsOptions } from './migrations/explicit-migrations.js';
export type { OrmExtension } from './migrations/orm-extension.js';
export { explicitEntities } from './entities/explicit-entities.js';
