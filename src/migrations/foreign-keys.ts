import type { Transaction } from '@mikro-orm/core';
import type { Migration } from '@mikro-orm/migrations';
import { OrmConfigError } from '../errors.js';
import { pinConnection, sqlConnections, type DatabaseConnection, type SqlConnection } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import { warn } from '../util/warn.js';

/** A row of `pragma foreign_key_check`. */
interface Violation {
  readonly table: string;
  /** Null in a table without row ids. */
  readonly rowid: number | null;
  readonly parent: string;
}

/** How many rows an error names. */
const SHOWN = 5;

/**
 * Begins a query that may see the database as it was before the running transaction: on D1, where a transaction is sent at
 * its end, no query can see more, and others are refused.
 */
export const AS_COMMITTED = '/* as committed */';

/** Whether foreign keys are a pragma, which does nothing within a transaction: SQLite and libSQL. */
export function hasForeignKeyPragma(orm: AnyOrm): boolean {
  const { disableForeignKeysSQL } = (orm.driver.getPlatform() as unknown as PlatformInternals).getSchemaHelper();
  return disableForeignKeysSQL().includes('pragma foreign_keys');
}

/**
 * Runs `work` with foreign keys off, on the one connection that it gets for its time: MikroORM rebuilds a table by dropping
 * it, which deletes its rows, and with them those that refer to it. Other work waits for the connection, and never sees it
 * like this. In a transaction of the caller the pragma does nothing; there a guard refuses to drop a parent.
 */
export async function withoutForeignKeys<T>(
  orm: AnyOrm,
  transaction: Transaction | undefined,
  work: (guard: ForeignKeyGuard) => Promise<T>,
): Promise<T> {
  const [[, connection]] = sqlConnections(orm) as [[string, SqlConnection]];
  if (transaction) {
    const isOn = await isEnabled(sql => connection.execute(sql, [], 'all', transaction));
    return work(new ForeignKeyGuard(orm, connection, isOn));
  }
  let restored = true;
  try {
    return await pinConnection(connection, async handle => {
      const ask = (sql: string): Promise<unknown> => askHandle(handle, sql);
      if (!(await isEnabled(ask))) {
        return work(new ForeignKeyGuard(orm, connection, false));
      }
      const switchOff = (): Promise<unknown> => ask('pragma foreign_keys = off');
      try {
        await switchOff();
        return await work(new ForeignKeyGuard(orm, connection, await isEnabled(ask), switchOff));
      } finally {
        await ask('pragma foreign_keys = on').catch(() => (restored = false));
      }
    });
  } finally {
    if (!restored) {
      // after a COMMIT that failed, the pool has taken the connection back
      await connection.execute('pragma foreign_keys = on').catch(() => undefined);
    }
  }
}

/** Looks after the references of a run of migrations. */
export class ForeignKeyGuard {
  readonly #orm: AnyOrm;
  readonly #connection: SqlConnection;
  readonly #isOn: boolean;
  readonly #switchOff: (() => Promise<unknown>) | undefined;
  /** How many rows dangled before the run, by table and parent. */
  #before: ReadonlyMap<string, number> | undefined;
  /** Tables that others refer to, where they must not be dropped. */
  #parents: ReadonlySet<string> = new Set();

  constructor(orm: AnyOrm, connection: SqlConnection, isOn: boolean, switchOff?: () => Promise<unknown>) {
    this.#orm = orm;
    this.#connection = connection;
    this.#isOn = isOn;
    this.#switchOff = switchOff;
  }

  /** Before each migration, within the transaction of the run, if there is one. */
  async prepare(migration: Migration, transaction: Transaction | undefined): Promise<void> {
    if (!transaction) {
      await this.#switchOff?.(); // a migration outside of transactions may have switched them on again
    }
    this.#before ??= await this.#countBefore(transaction);
    if (this.#isOn) {
      this.#parents = await this.#findParents(transaction);
      const { getQueries, execute } = migration;
      migration.getQueries = () => getQueries.call(migration).map(query => this.#assertNoParentDropped(query));
      migration.execute = (query, params) => execute.call(migration, this.#assertNoParentDropped(query), params);
    }
  }

  /** Throws where rows dangle that did not before the run. */
  async assertWhole(transaction: Transaction | undefined): Promise<void> {
    const before = this.#before;
    if (!before) {
      return; // nothing has run
    }
    const found = await this.#check(transaction);
    const counts = countByParent(found);
    const added = found.filter(row => counts.get(keyOf(row))! > (before.get(keyOf(row)) ?? 0));
    if (added.length > 0) {
      const rows = added.slice(0, SHOWN).map(({ table, rowid, parent }) => `${table}, row ${rowid}, of ${parent}`);
      const end = transaction
        ? 'Nothing was changed'
        : 'The migration runs outside of transactions, so its statements stay, and it was not recorded';
      throw new OrmConfigError(
        `Migrations would leave ${added.length === 1 ? 'a row' : `${added.length} rows`} without a parent: ${rows.join('; ')}${added.length > SHOWN ? ' …' : ''}. ${end}. Foreign keys are off while migrations run on SQLite, so that tables can be rebuilt, and deletes do not cascade: let the migration delete or change these rows, too.`,
      );
    }
  }

  async #countBefore(transaction: Transaction | undefined): Promise<ReadonlyMap<string, number>> {
    // it fails where a foreign key refers to a table without such a key, which this run may repair
    const found = await this.#check(transaction).catch(() => []);
    if (found.length > 0) {
      const tables = [...new Set(found.map(({ table, parent }) => `${table} (of ${parent})`))];
      warn(this.#orm.config, `Before the migrations, rows had no parent already: ${tables.join(', ')}.`);
    }
    return countByParent(found);
  }

  async #check(transaction: Transaction | undefined): Promise<Violation[]> {
    return (await this.#connection.execute(
      `${AS_COMMITTED} pragma foreign_key_check`,
      [],
      'all',
      transaction,
    )) as Violation[];
  }

  async #findParents(transaction: Transaction | undefined): Promise<ReadonlySet<string>> {
    const ask = async <T>(sql: string): Promise<T[]> =>
      (await this.#connection.execute(`${AS_COMMITTED} ${sql}`, [], 'all', transaction)) as T[];
    const parents = new Set<string>();
    // table by table, for D1 forbids the pragma as a function
    for (const { name } of await ask<{ name: string }>("select name from sqlite_master where type = 'table'")) {
      const keys = await ask<{ table: string }>(`pragma foreign_key_list("${name.replaceAll('"', '""')}")`);
      const others = keys.map(({ table }) => table.toLowerCase()).filter(table => table !== name.toLowerCase());
      others.forEach(table => parents.add(table));
    }
    return parents;
  }

  #assertNoParentDropped<T>(query: T): T {
    const sql = typeof query === 'string' ? query : (Object(query) as { sql?: unknown }).sql;
    const drops = /(?:^|;)\s*drop\s+table\s+(?:if\s+exists\s+)?(?:main\s*\.\s*)?["'`[]?([^"'`\];\s]+)/gi;
    for (const [, table] of String(sql ?? '').matchAll(drops)) {
      if (this.#parents.has(table!.toLowerCase())) {
        const reason = this.#switchOff
          ? 'This database keeps foreign keys on (D1, Durable Objects). Change the table by `alter table`, which can add, rename and drop columns; or copy those other tables in the same migration, drop them first, and write them anew.'
          : 'It runs in a transaction that began with foreign keys on, where SQLite cannot switch them off. Call migrator.up() and down() without `transaction`, or run `pragma foreign_keys = off` before that transaction begins.';
        throw new OrmConfigError(
          `This run of migrations would drop or rebuild ${table}, and with it the rows of other tables that refer to it. ${reason}`,
        );
      }
    }
    return query;
  }
}

const keyOf = ({ table, parent }: Violation): string => `${table}\0${parent}`;

function countByParent(rows: readonly Violation[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  rows.forEach(row => counts.set(keyOf(row), (counts.get(keyOf(row)) ?? 0) + 1));
  return counts;
}

async function isEnabled(ask: (sql: string) => Promise<unknown>): Promise<boolean> {
  const [row] = (await ask('pragma foreign_keys')) as { foreign_keys: number | bigint }[];
  return Number(row?.foreign_keys) === 1;
}

async function askHandle(handle: DatabaseConnection, sql: string): Promise<unknown> {
  const query = { sql, parameters: [], query: { kind: 'RawNode' }, queryId: {} };
  return ((await handle.executeQuery(query)) as { rows: unknown }).rows;
}

// Not public API: test/migrations/foreign-keys.test.ts holds MikroORM to it.
interface PlatformInternals {
  getSchemaHelper(): { disableForeignKeysSQL(): string };
}
