import type { TransactionOptions } from '@mikro-orm/core';
import { diagnostics } from '../channels.js';
import { assertNumber } from '../util/assert-number.js';
import { markAfterCommit } from '../problems/after-commit.js';
import { mapOrmError } from '../problems/map-orm-error.js';
import { OrmConfigError, TransactionRetryError } from '../errors.js';
import { runningEm, type RequestOptions } from './request-options.js';
import { pinContext } from '../mikro-orm-internals.js';
import { resolveOrm, type AnyOrm, type OrmSource } from '../orm-source.js';
import { withRequestContext } from './with-request-context.js';

/** Options of {@link retryTransaction}: MikroORM's transaction options (isolation level …) and these. */
export interface RetryOptions extends Omit<TransactionOptions, 'signal'> {
  /** How often `work` is run at the most. @default 10 */
  attempts?: number | undefined;
  /** Cancels queries, and the waiting between attempts. @default none */
  signal?: AbortSignal | undefined;
  /** Options of the fork that each attempt gets. @default {} */
  fork?: RequestOptions | undefined;
}

/** Milliseconds before the second attempt, at the most; it doubles with each further one, up to a second. */
const FIRST_DELAY = 20;

/**
 * Runs `work` in a transaction on a fresh fork; again, after a random time that grows, while it fails with a retryable
 * problem: a deadlock, a serialization failure, a lock that was not free, a pool or server that was full. Nothing of a
 * failed attempt stays, so `work` must have no other effects. Once COMMIT has returned, or may have, nothing is tried again,
 * and nothing is on libSQL, whose handles do not recover from a lock that was not free.
 *
 * @param orm the ORM, or what leads to it
 * @param work gets the transaction's EntityManager; what it returns is returned
 * @param options see {@link RetryOptions}
 * @throws {@link TransactionRetryError} when the last attempt failed as well, or `signal` was aborted between two: its
 *   `cause` is the last error. {@link OrmConfigError} inside a running transaction: only the outermost unit of work can
 *   be run again. Errors that a retry does not cure, as they are.
 *
 * @example
 * ```ts
 * import { LockMode } from '@mikro-orm/core';
 * import { retryTransaction } from 'mikro-orm-web';
 * import { Account } from './entities';
 * import { orm } from './orm';
 *
 * await retryTransaction(orm, async em => {
 *   const account = await em.findOneOrFail(Account, 1, { lockMode: LockMode.PESSIMISTIC_WRITE });
 *   account.balance -= 10;
 * });
 * ```
 */
export async function retryTransaction<ORM extends AnyOrm, T>(
  orm: OrmSource<ORM>,
  work: (em: ORM['em']) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  const { attempts = 10, fork = {}, signal, ...rest } = options;
  const transaction: TransactionOptions = signal ? { ...rest, signal } : rest;
  assertNumber('retryTransaction({ attempts })', attempts, 1);
  const ready = await resolveOrm(orm, 'retryTransaction');
  const running = runningEm(ready);
  if (
    transaction.ctx ||
    (running && pinContext(running, ready.config.get('context'), () => running.isInTransaction()))
  ) {
    throw new OrmConfigError(
      'retryTransaction was called inside a running transaction, and only the outermost can be run again. Put it around that one, or use em.transactional() here.',
    );
  }
  // a handle of libsql 0.5 that was busy once loses later writes, and does not let go of its locks when it is closed
  const isLibsql = ready.driver.getDependencies().includes('libsql');
  for (let attempt = 1; ; attempt++) {
    let context: { isCommitted?: boolean } | undefined;
    const run = (tx: ORM['em']): Promise<T> => {
      context = tx.getTransactionContext();
      if (!context) {
        throw new OrmConfigError(
          'retryTransaction found no transaction: `disableTransactions` is set in the config or in `fork`, and what a failed attempt has done would stay.',
        );
      }
      return work(tx);
    };
    try {
      return await withRequestContext(ready, em => em.transactional(tx => run(tx as ORM['em']), transaction), fork);
    } catch (error) {
      // what fails after COMMIT has returned, a subscriber say, is done: again would be twice
      const isDone = context?.isCommitted === true;
      if (isDone) {
        markAfterCommit(error);
      }
      const problem = isDone || signal?.aborted || isLibsql ? undefined : mapOrmError(error, { orm: ready });
      if (!problem?.retryable) {
        throw error;
      }
      if (attempt < attempts && diagnostics.transactionRetried.hasSubscribers) {
        diagnostics.transactionRetried.publish({ name: ready.em.name, attempt, code: problem.code });
      }
      if (attempt >= attempts || !(await pause(attempt, signal))) {
        throw new TransactionRetryError(attempt, error);
      }
    }
  }
}

/** Waits a random time; false when `signal` is aborted meanwhile. */
function pause(attempt: number, signal: AbortSignal | undefined): Promise<boolean> {
  const delay = Math.random() * Math.min(1000, FIRST_DELAY * 2 ** (attempt - 1));
  return new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve(!signal?.aborted);
    };
    const timer = setTimeout(end, delay);
    signal?.addEventListener('abort', end);
  });
}
