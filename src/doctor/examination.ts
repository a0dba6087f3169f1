import type { EntityMetadata } from '@mikro-orm/core';
import type { DatabaseSchema, DatabaseTable } from '@mikro-orm/sql';
import { readSchemas, schemaHelper, sqlConnections, type SchemaHelper } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import type { Effects } from './migration-effects.js';
import type { RecordedRow } from '../migrations/recorded-names.js';
import { dialectOf, type Dialect } from './dialect.js';
import { Repair, type Rebuild } from './repair.js';
import type { Finding } from './report.js';

/** A database as the doctor looks at it, and what was found so far. Each detection adds to it, in order. */
export class Examination {
  readonly orm: AnyOrm;
  readonly dialect: Dialect;
  readonly target: DatabaseSchema;
  readonly actual: DatabaseSchema;
  readonly findings: Finding[] = [];
  readonly questions: string[] = [];
  readonly repair: Repair;
  renamed: Record<string, string | string[]> | undefined;
  /** What the listed migrations do, in their order. */
  effects: readonly Effects[] = [];
  /** What is recorded of them. */
  rows: readonly RecordedRow[] = [];
  /** Migrations that are still to run. */
  readonly toCome: Effects[] = [];
  /** Target names of tables by the names that they have. */
  readonly tables = new Map<string, string>();
  /** SQLite tables that have to be made anew. */
  readonly rebuilds = new Map<string, Rebuild>();
  /** By target table: the target names of columns by the names that they have. */
  readonly columns = new Map<string, Map<string, string>>();

  private constructor(orm: AnyOrm, target: DatabaseSchema, actual: DatabaseSchema) {
    this.orm = orm;
    this.target = target;
    this.actual = actual;
    this.dialect = dialectOf(orm);
    this.repair = new Repair(this.dialect);
  }

  static async begin(orm: AnyOrm): Promise<Examination> {
    const { target, actual } = await readSchemas(orm);
    return new Examination(orm, target, actual);
  }

  get metadata(): EntityMetadata[] {
    return [...this.orm.getMetadata().getAll().values()].filter(
      meta => !meta.embeddable && !meta.virtual && !meta.view && !meta.expression,
    );
  }

  /** Rows of a SELECT, of the primary. */
  async select<T>(sql: string): Promise<T[]> {
    return (await sqlConnections(this.orm)[0]![1].execute(sql)) as T[];
  }

  /** What writes MikroORM's own DDL. */
  get helper(): SchemaHelper {
    return schemaHelper(this.orm);
  }

  quote(name: string): string {
    return this.orm.driver.getPlatform().quoteIdentifier(name);
  }

  value(value: unknown): string {
    return this.orm.driver.getPlatform().quoteValue(value);
  }

  /** The table that has, or will have, the rows of a target table. */
  actualTable(target: DatabaseTable): DatabaseTable | undefined {
    const renamed = [...this.tables].find(([, to]) => to === keyOf(target))?.[0];
    return this.actual.getTables().find(table => keyOf(table) === (renamed ?? keyOf(target)));
  }

  /** The target name of a column of an actual table. */
  columnName(target: DatabaseTable, actual: string): string {
    return this.columns.get(keyOf(target))?.get(actual) ?? actual;
  }

  /** The name that a column of a target table has now. */
  currentColumn(target: DatabaseTable, name: string): string {
    return [...(this.columns.get(keyOf(target)) ?? [])].find(([, to]) => to === name)?.[0] ?? name;
  }

  /** Names of tables, without a schema, and of their columns: what tells whether a migration ran. */
  get artifacts(): Set<string> {
    return new Set(
      this.actual.getTables().flatMap(table => {
        const name = this.tables.get(keyOf(table)) ?? keyOf(table);
        const target = this.target.getTables().find(other => keyOf(other) === name);
        const columns = table.getColumns().map(column => (target ? this.columnName(target, column.name) : column.name));
        const bare = bareName(name);
        return [bare, ...columns.map(column => `${bare}.${column}`)].map(text => text.toLowerCase());
      }),
    );
  }

  /** The same, for all schemas of the database, and also for tables that the schema generator skips. */
  async readArtifacts(): Promise<Set<string>> {
    const rows = await this.select<{ t: string; c: string }>(ALL_COLUMNS[this.dialect]);
    return new Set(rows.flatMap(({ t, c }) => [t.toLowerCase(), `${t}.${c}`.toLowerCase()]));
  }

  /** Whether a migration that is still to run makes this column. */
  isColumnToCome(table: DatabaseTable, column: string): boolean {
    return this.toCome.some(({ makes }) => makes.has(`${table.name}.${column}`.toLowerCase()));
  }

  /** Whether a migration that is still to run speaks of this constraint. */
  isConstraintToCome(name: string): boolean {
    return this.toCome.some(({ sql }) => sql.includes(name));
  }
}

const ALL_COLUMNS: Record<Dialect, string> = {
  sqlite:
    "select m.name as t, p.name as c from sqlite_master as m join pragma_table_info(m.name) as p where m.type = 'table'",
  postgresql:
    "select table_name as t, column_name as c from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')",
  mysql: 'select table_name as t, column_name as c from information_schema.columns where table_schema = database()',
};

/** What identifies a table here. */
export function keyOf(table: DatabaseTable): string {
  return table.getShortestName();
}

/** A table's name without its schema. */
export const bareName = (name: string): string => name.split('.').pop()!;

export const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);
