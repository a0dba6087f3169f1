export { createOrmSingleton } from './orm-singleton.js';
export type { OrmSingleton, OrmSingletonOptions } from './orm-singleton.js';
export type { OrmHealth } from './health.js';
export type { OrmSource } from './orm-source.js';

export { withRequestContext } from './request-context.js';
export { retryTransaction } from './retry-transaction.js';
export type { RetryOptions } from './retry-transaction.js';
export { forkPerRequest } from './fork-per-request.js';
export type { RequestOptions } from './fork.js';

export { mapOrmError } from './errors/map-orm-error.js';
export { toProblemResponse } from './errors/to-problem-response.js';
export type { MapOrmErrorOptions, ProblemOverride } from './errors/map-orm-error.js';
export type { ProblemResponseInit } from './errors/to-problem-response.js';
export type { OrmProblem, OrmProblemCode } from './errors/problem.js';
export {
  ExplicitNameError,
  MigrationLockError,
  OrmClosedError,
  OrmConfigError,
  OrmWebError,
  TransactionRetryError,
} from './errors/orm-web-error.js';

export { explicitMigrations } from './explicit-migrations.js';
export type { ExplicitMigrationsOptions, OrmExtension } from './explicit-migrations.js';
export { explicitEntities } from './explicit-entities.js';
