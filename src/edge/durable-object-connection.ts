import type { DatabaseConnection } from '../mikro-orm-internals.js';
import type { DurableObjectStorageLike } from './durable-object-storage.js';
import {
  answerPragma,
  convertException,
  withoutInternalTables,
  type Query,
  type QueryResult,
} from './sqlite-dialect.js';

/** A transaction of the storage, which ends when its callback does. */
interface OpenTransaction {
  end(rollback: boolean): Promise<void>;
}

/** Makes the storage roll a transaction back. */
class Rollback extends Error {}

/** The one connection of a Durable Object, while one borrower has it. */
export class DurableObjectConnection implements DatabaseConnection {
  readonly storage: DurableObjectStorageLike;
  /** The transaction and its savepoints, outermost first: the storage nests what is started within a transaction. */
  readonly #open: OpenTransaction[] = [];

  constructor(storage: DurableObjectStorageLike) {
    this.storage = storage;
  }

  async begin(): Promise<void> {
    this.#open.push(await openTransaction(this.storage));
  }

  async commit(): Promise<void> {
    await this.#open
      .pop()
      ?.end(false)
      .catch((error: unknown) => {
        throw convertException(error);
      });
  }

  async rollback(): Promise<void> {
    await this.#open.pop()?.end(true);
  }

  async executeQuery({ sql, parameters }: Query): Promise<QueryResult> {
    const answer = answerPragma(sql);
    if (answer) {
      return answer;
    }
    const rows = withoutInternalTables(sql, this.storage.sql.exec(sql, ...parameters).toArray());
    if (!/^\s*(?:insert|update|delete|replace|with)\b/i.test(sql)) {
      return { rows };
    }
    const [{ n, id }] = this.storage.sql.exec('select changes() as n, last_insert_rowid() as id').toArray() as [
      { n: number; id: number },
    ];
    return { rows, numAffectedRows: BigInt(n), insertId: BigInt(id) };
  }

  async *streamQuery(query: Query): AsyncIterableIterator<QueryResult> {
    // all at once: a cursor of the storage does not outlive the next statement
    yield await this.executeQuery(query);
  }
}

/**
 * Starts a transaction, and returns once it has begun. The storage takes a callback, so that one waits until it is told to
 * end. What runs after this goes on within the transaction, and the object gets no other event until it has ended.
 */
async function openTransaction(storage: DurableObjectStorageLike): Promise<OpenTransaction> {
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const done = storage.transaction(async () => {
    started.resolve();
    await ended.promise;
  });
  done.catch(started.reject); // where it does not start, or dies before its end, which is told by end()
  await started.promise;
  return {
    async end(rollback) {
      if (!rollback) {
        ended.resolve();
        return done;
      }
      ended.reject(new Rollback());
      await done.catch((error: unknown) => {
        if (!(error instanceof Rollback)) {
          throw error;
        }
      });
    },
  };
}
