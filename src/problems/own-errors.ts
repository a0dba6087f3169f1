import { verdictIn, type Verdict, type VerdictTable } from './verdict.js';

/**
 * What this package's own errors mean to a client, by their code: a bundler may give each module graph its own copy of
 * their classes, so that `instanceof` does not tell. A TransactionRetryError means what its cause means.
 */
const CODES: VerdictTable = {
  ORM_CLOSED: 'database-unavailable',
  MIGRATION_LOCK: 'database-unavailable',
  POOL_TIMEOUT: 'database-overloaded',
  QUERY_TIMEOUT: 'query-timeout',
  ORM_CONFIG: 'internal-error',
  EXPLICIT_NAME: 'internal-error',
  SANDBOX: 'internal-error',
};

/** The verdict on one of this package's own errors. */
export const ownErrorVerdict = (code: string): Verdict | undefined => verdictIn(CODES, code);
