import { OrmConfigError } from '../errors.js';
import type { DatabaseConnection } from '../mikro-orm-internals.js';
import { AS_COMMITTED } from '../migrations/foreign-keys.js';
import type { D1Answer, D1Binding, D1Statement } from './d1-binding.js';
import { moduleScopeError } from './edge-runtime.js';
import { answerPragma, withoutInternalTables, type Query, type QueryResult } from './sqlite-dialect.js';

/** One borrower's view of D1: direct, or within a transaction, whose writes are collected for one batch. */
export class D1Connection implements DatabaseConnection {
  readonly #database: D1Binding;
  /** The writes of the running transaction; undefined outside of one. */
  #writes: D1Statement[] | undefined;
  /** How many writes there were at each savepoint. */
  readonly #marks: number[] = [];
  /** Properties that updates compare, by table. */
  readonly #checks: ReadonlyMap<string, string>;

  constructor(database: D1Binding, checks: ReadonlyMap<string, string>) {
    this.#database = database;
    this.#checks = checks;
  }

  begin(): void {
    this.#writes = [];
  }

  async commit(): Promise<void> {
    const writes = this.#writes ?? [];
    this.rollback();
    if (writes.length > 0) {
      await this.#send(() => this.#database.batch(writes));
    }
  }

  rollback(): void {
    this.#writes = undefined;
    this.#marks.length = 0;
  }

  mark(): void {
    this.#marks.push(this.#writes?.length ?? 0);
  }

  unmark(): void {
    this.#marks.pop();
  }

  rollbackToMark(): void {
    const length = this.#marks.pop();
    if (this.#writes && length !== undefined) {
      this.#writes.length = length;
    }
  }

  async executeQuery({ sql, parameters }: Query): Promise<QueryResult> {
    const answer = answerPragma(sql);
    if (answer) {
      return answer;
    }
    const statement = (): D1Statement => this.#database.prepare(sql).bind(...parameters);
    if (!this.#writes) {
      return resultOf(sql, await this.#send(() => statement().all()));
    }
    if (isRead(sql)) {
      if (this.#writes.length > 0 && !sql.startsWith(AS_COMMITTED)) {
        throw new OrmConfigError(
          `${BATCH}: a query in it would not see what it has written. Read before the first write or flush of the transaction, or after it has ended.`,
        );
      }
      return resultOf(sql, await this.#send(() => statement().all()));
    }
    this.#assertBlind(sql);
    this.#writes.push(statement());
    // how many rows it changes turns out at the end: an honest "not known", for 0 and 1 would be taken at their word
    return { rows: [], numAffectedRows: NaN as unknown as bigint };
  }

  /** Refuses a write whose outcome MikroORM needs before the end of the transaction. */
  #assertBlind(sql: string): void {
    const [, returned] = /\breturning\s+((?:[`"\w]+(?:,\s*)?)+|\*)\s*;?\s*$/i.exec(sql) ?? [];
    const [, verb, table = 'a table'] = WRITE.exec(sql) ?? [];
    if (returned && !isMigrationRecord(sql)) {
      throw new OrmConfigError(
        `${BATCH}: it cannot read back ${returned.replace(/[`"]/g, '')} of ${table}. Let the app make keys and defaults, p.uuid().primary().onCreate(() => crypto.randomUUID()), in place of autoincrement and defaultRaw. Rows with a version column, or with what the database generates, can be written by em.insert() and em.nativeUpdate() outside of transactions.`,
      );
    }
    const checked = this.#checks.get(table);
    if (checked && verb?.toLowerCase() === 'update') {
      throw new OrmConfigError(
        `${BATCH}: it cannot tell in time whether a row of ${table} was updated, which concurrencyCheck() of ${checked} needs. Update it by em.nativeUpdate() outside of transactions, with the condition in its \`where\`, and look at the number of rows that it returns.`,
      );
    }
  }

  async *streamQuery(query: Query): AsyncIterableIterator<QueryResult> {
    yield await this.executeQuery(query); // D1 answers at once
  }

  async #send<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw moduleScopeError(error);
    }
  }
}

const BATCH = 'On D1 a transaction is one batch, which is sent at its end';

const WRITE = /^\s*(insert|replace|update|delete)\s+(?:or\s+\w+\s+)?(?:into\s+|from\s+)?[`"]?([^\s`"(]+)/i;

const isRead = (sql: string): boolean =>
  sql.startsWith(AS_COMMITTED) ||
  /^[\s(]*(?:select|pragma(?!\s+\w+\s*=)|explain|values)\b/i.test(sql) ||
  (/^\s*with\b/i.test(sql) && !/\b(?:insert\s+into|replace\s+into|update|delete\s+from)\b/i.test(sql));

/** The Migrator records what has run, and does not need the time that the database gave to it. */
const isMigrationRecord = (sql: string): boolean =>
  /^insert into [`"\w.]+ \([`"]name[`"]\) values \(.*\) returning [`"]executed_at[`"]$/is.test(sql);

function resultOf(sql: string, { results, meta }: D1Answer): QueryResult {
  return {
    rows: withoutInternalTables(sql, results ?? []),
    numAffectedRows: meta?.changes === undefined ? undefined : BigInt(meta.changes),
    insertId: meta?.last_row_id === undefined ? undefined : BigInt(meta.last_row_id),
  };
}
