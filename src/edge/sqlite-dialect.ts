import { NodeSqliteDialect, SqlitePlatform } from '@mikro-orm/sql';
import type { Dialect, KyselyDriver } from '../mikro-orm-internals.js';

/** What a connection is asked to run. */
export interface Query {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** What it answers. */
export interface QueryResult {
  readonly rows: unknown[];
  readonly numAffectedRows?: bigint | undefined;
  readonly insertId?: bigint | undefined;
}

/** Kysely's parts for SQLite, which need no connection: by way of MikroORM, so that they are of its Kysely. */
const sqlite: Pick<Dialect, 'createAdapter' | 'createQueryCompiler' | 'createIntrospector'> =
  NodeSqliteDialect.prototype;

/** A dialect for a database that speaks SQLite and is reached by `driver`. */
export function sqliteDialect(driver: KyselyDriver): Dialect {
  return {
    // Kysely would guard what is one connection by a lock of the isolate, which a cancelled request never gives back
    createAdapter: () => Object.create(sqlite.createAdapter(), { supportsMultipleConnections: { value: true } }),
    createQueryCompiler: () => sqlite.createQueryCompiler(),
    createIntrospector: db => sqlite.createIntrospector(db),
    createDriver: () => driver,
  };
}

const exceptions = new SqlitePlatform().getExceptionConverter();

/** What MikroORM makes of an error of a query; it does not convert those of a commit, where D1 has all of them. */
export const convertException = (error: unknown): Error => exceptions.convertException(error as Error);

/**
 * Answers what MikroORM asks of SQLite and what Cloudflare's authorizer refuses: there is one database, `main`, and foreign
 * keys are always on. It also keeps the first request of an isolate from doing I/O that others would wait for.
 */
export function answerPragma(sql: string): QueryResult | undefined {
  const [, name = '', value] = /^\s*pragma\s+(\w+)\s*(?:=\s*(\w+))?\s*;?\s*$/i.exec(sql) ?? [];
  switch (name.toLowerCase()) {
    case 'database_list':
      return { rows: [{ seq: 0, name: 'main', file: '' }] };
    case 'foreign_keys':
      return { rows: value === undefined ? [{ foreign_keys: 1 }] : [] };
    default:
      return undefined;
  }
}

/** Takes Cloudflare's own tables out of a list of tables: MikroORM would look into each, and that is not authorized. */
export function withoutInternalTables(sql: string, rows: unknown[]): unknown[] {
  if (!/\bsqlite_(?:master|schema)\b/.test(sql)) {
    return rows;
  }
  return rows.filter(row => {
    const { name, table_name: table = name } = row as { name?: unknown; table_name?: unknown };
    return !String(table).startsWith('_cf_');
  });
}
