import type { DatabaseTable, ForeignKey } from '@mikro-orm/sql';
import { bareName, type Examination } from './examination.js';
import type { Rebuild } from './repair.js';

/** Changes to a SQLite table that only a new table can have. */
export interface SqliteChange {
  /** Changes the `create table` of the table; undefined where it does not understand it. */
  readonly rewrite?: (ddl: string) => string | undefined;
  /** The expression that replaces a column's values. */
  readonly values?: ReadonlyMap<string, string>;
}

/** Queues a change; all changes of a table are one rebuild. Returns whether the table's definition is understood. */
export async function changeSqliteTable(
  exam: Examination,
  table: DatabaseTable,
  { rewrite, values }: SqliteChange,
): Promise<boolean> {
  const pending = exam.rebuilds.get(table.name) ?? (await readTable(exam, table));
  const ddl = pending && (rewrite ? rewrite(pending.ddl) : pending.ddl);
  if (!pending || ddl === undefined) {
    return false;
  }
  exam.rebuilds.set(table.name, { ...pending, ddl, values: new Map([...pending.values, ...(values ?? [])]) });
  return true;
}

/** Adds the statements of all rebuilds, as SQLite's manual has them: a new table, all rows, the old name. */
export function planRebuilds(exam: Examination): void {
  for (const [name, { ddl, columns, values, others, autoincrement }] of exam.rebuilds) {
    const [table, copy] = [exam.quote(name), `${name}__doctor`];
    const list = columns.map(column => exam.quote(column)).join(', ');
    const selected = columns.map(column => values.get(column) ?? exam.quote(column)).join(', ');
    const [from, to] = [exam.value(name), exam.value(copy)];
    exam.repair.add(
      'rebuild',
      ddl.replace(CREATE, `create table ${exam.quote(copy)}`),
      `insert into ${exam.quote(copy)} (${list}) select ${selected} from ${table}`,
      ...(autoincrement
        ? [
            `delete from sqlite_sequence where name = ${to}`,
            `insert into sqlite_sequence (name, seq) select ${to}, seq from sqlite_sequence where name = ${from}`,
          ]
        : []),
      `drop table ${table}`,
      `alter table ${exam.quote(copy)} rename to ${table}`,
      ...others,
    );
  }
}

const CREATE = /^\s*create\s+table\s+(?:"[^"]+"|`[^`]+`|\[[^\]]+\]|'[^']+'|\w+)/i;

async function readTable(exam: Examination, table: DatabaseTable): Promise<Rebuild | undefined> {
  const name = exam.value(table.name);
  const rows = await exam.select<{ type: string; sql: string }>(
    `select type, sql from sqlite_master where tbl_name = ${name} and sql is not null`,
  );
  const ddl = rows.find(({ type }) => type === 'table')?.sql;
  if (ddl === undefined || !CREATE.test(ddl)) {
    return undefined;
  }
  return {
    ddl,
    columns: table.getColumns().flatMap(column => (column.generated ? [] : [column.name])),
    values: new Map(),
    others: rows.flatMap(({ type, sql }) => (type === 'table' ? [] : [sql])),
    autoincrement: /\bautoincrement\b/i.test(ddl),
  };
}

/** Adds a foreign key to a table that still has its old column names; renaming a column changes its foreign keys, too. */
export async function addForeignKeyInSqlite(
  exam: Examination,
  table: DatabaseTable,
  key: ForeignKey,
  columns: readonly string[],
): Promise<void> {
  const list = (names: readonly string[]): string => names.map(name => exam.quote(name)).join(', ');
  const rules = [
    key.updateRule && ` on update ${key.updateRule}`,
    key.deleteRule && ` on delete ${key.deleteRule}`,
    key.deferMode && ` deferrable initially ${key.deferMode}`,
  ];
  const parent = exam.quote(bareName(key.referencedTableName));
  const sql = `constraint ${exam.quote(key.constraintName)} foreign key (${list(columns)}) references ${parent} (${list(key.referencedColumnNames)})${rules.filter(Boolean).join('')}`;
  const rewrite = (ddl: string): string => ddl.replace(/\)([^)]*)$/, (_, rest: string) => `, ${sql})${rest}`);
  await changeSqliteTable(exam, table, { rewrite });
}
