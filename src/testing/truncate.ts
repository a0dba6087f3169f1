import { OrmConfigError } from '../errors.js';
import {
  isSql,
  migrationsTableName,
  pinConnection,
  sqlConnections,
  type DatabaseConnection,
} from '../mikro-orm-internals.js';
import { hasMigrator } from '../migrations/pending-migrations.js';
import { resolveOrm, type AnyOrm, type OrmSource } from '../orm-source.js';
import { rawQuery } from './raw-query.js';
import { MARK_TABLE } from './stores/test-store.js';

/** Options of {@link truncate}. */
export interface TruncateOptions {
  /** Tables to leave as they are, as the database names them: `countries`, or `geo.countries`. @default [] */
  except?: readonly string[] | undefined;
}

type Rows = Record<string, unknown>[];
type Sql = (text: string) => Promise<Rows>;

/**
 * Empties all tables but the migrations', and restarts their sequences, whatever foreign keys there are: for tests that cross
 * processes (a browser's), which no sandbox can undo. Of entities that are loaded already it knows nothing: use a new fork.
 *
 * @param orm the ORM, or what leads to it
 * @param options see {@link TruncateOptions}
 * @throws `OrmConfigError` where rows of a table in `except` could refer to rows that go
 *
 * @example
 * ```ts
 * import { truncate } from 'mikro-orm-web/testing';
 * import { orm } from './orm';
 *
 * await truncate(orm, { except: ['countries'] });
 * ```
 */
export async function truncate(orm: OrmSource<AnyOrm>, { except = [] }: TruncateOptions = {}): Promise<void> {
  const ready = await resolveOrm(orm, 'truncate');
  const packages = ready.driver.getDependencies();
  if (!isSql(ready)) {
    throw new OrmConfigError('truncate speaks SQL: for other databases, use em.nativeDelete().');
  }
  const { tableName = '', schemaName } = hasMigrator(ready) ? migrationsTableName(ready) : {};
  const kept = new Set([MARK_TABLE, ...except]);
  const isKept = (table: string, schema?: string): boolean =>
    kept.has(table) ||
    kept.has(`${schema}.${table}`) ||
    (table === tableName && (schema === undefined || schemaName === undefined || schema === schemaName));
  await pinConnection(sqlConnections(ready)[0]![1], async connection => {
    const sql = sqlOn(connection);
    if (packages.includes('mysql2')) {
      await truncateMysql(sql, isKept);
    } else if (packages.includes('pg') || packages.includes('@electric-sql/pglite')) {
      await truncatePostgresql(sql, isKept);
    } else if (packages.includes('better-sqlite3') || packages.includes('libsql')) {
      await truncateSqlite(sql, isKept);
    } else {
      throw new OrmConfigError(`truncate knows no tables of ${packages.at(-1) ?? 'this driver'}.`);
    }
  });
}

type IsKept = (table: string, schema?: string) => boolean;

const sqlOn =
  (connection: DatabaseConnection): Sql =>
  async text =>
    ((await connection.executeQuery(rawQuery(text))) as { rows: Rows }).rows;

const names = (rows: Rows): string[] => rows.map(row => String(row['name']));

function assertNothingRefers(offences: string[]): void {
  if (offences.length > 0) {
    throw new OrmConfigError(
      `truncate cannot keep tables that refer to others that it empties: ${offences.join(', ')}. Add these to \`except\`, too, or leave out the first.`,
    );
  }
}

async function truncatePostgresql(sql: Sql, isKept: IsKept): Promise<void> {
  // those of extensions hold what the extension needs
  const rows =
    await sql(`select n.nspname as schema, c.relname as name, c.relkind as kind, c.oid::text as id, d.refobjid::text as owner
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_depend d on d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i') and c.relkind = 'S'
    where c.relkind in ('r', 'p', 'S') and c.relpersistence <> 't' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
    and not exists (select 1 from pg_depend e where e.objid = c.oid and e.classid = 'pg_class'::regclass and e.deptype = 'e')`);
  const quote = (row: Record<string, unknown>): string =>
    [row['schema'], row['name']].map(part => `"${String(part).replaceAll('"', '""')}"`).join('.');
  const tables = rows.filter(row => row['kind'] !== 'S');
  const emptied = tables.filter(row => !isKept(String(row['name']), String(row['schema'])));
  if (emptied.length > 0) {
    const ids = new Set(emptied.map(row => row['id']));
    const keys = await sql(
      `select conrelid::text as from_id, conrelid::regclass::text as "from", confrelid::text as to_id, confrelid::regclass::text as "to" from pg_constraint where contype = 'f'`,
    );
    assertNothingRefers(
      keys
        .filter(key => ids.has(key['to_id']) && !ids.has(key['from_id']))
        .map(key => `${String(key['from'])} → ${String(key['to'])}`),
    );
    await sql(`truncate ${emptied.map(quote).join(', ')} restart identity`);
  }
  for (const sequence of rows.filter(row => row['kind'] === 'S' && !row['owner'])) {
    await sql(`alter sequence ${quote(sequence)} restart`);
  }
}

async function truncateMysql(sql: Sql, isKept: IsKept): Promise<void> {
  const quote = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
  const of = async (type: string): Promise<string[]> =>
    names(
      await sql(
        `select table_name as name from information_schema.tables where table_schema = database() and table_type = '${type}'`,
      ),
    );
  const emptied = (await of('BASE TABLE')).filter(name => !isKept(name));
  const keys = await sql(
    'select distinct table_name as source, referenced_table_name as target from information_schema.key_column_usage where table_schema = database() and referenced_table_name is not null',
  );
  assertNothingRefers(
    keys
      .filter(key => emptied.includes(String(key['target'])) && !emptied.includes(String(key['source'])))
      .map(key => `${String(key['source'])} → ${String(key['target'])}`),
  );
  const [checks] = await sql('select @@foreign_key_checks as value');
  await sql('set foreign_key_checks = 0');
  try {
    for (const name of emptied) {
      await sql(`truncate table ${quote(name)}`);
    }
    for (const name of await of('SEQUENCE')) {
      await sql(`alter sequence ${quote(name)} restart`);
    }
  } finally {
    await sql(`set foreign_key_checks = ${Number(checks?.['value'] ?? 1)}`);
  }
}

async function truncateSqlite(sql: Sql, isKept: IsKept): Promise<void> {
  const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  const emptied = names(
    await sql(
      `select name from pragma_table_list where schema = 'main' and type in ('table', 'virtual') and name not like 'sqlite\\_%' escape '\\'`,
    ),
  ).filter(name => !isKept(name));
  const all = names(await sql(`select name from sqlite_master where type = 'table'`));
  const offences: string[] = [];
  for (const source of all.filter(name => !emptied.includes(name))) {
    const keys = await sql(`select "table" as name from pragma_foreign_key_list('${source.replaceAll("'", "''")}')`);
    offences.push(
      ...names(keys)
        .filter(target => emptied.includes(target))
        .map(target => `${source} → ${target}`),
    );
  }
  assertNothingRefers(offences);
  const [before] = await sql('pragma foreign_keys');
  await sql('pragma foreign_keys = off');
  try {
    await sql('begin');
    try {
      // a trigger may write into a table that was emptied before
      for (let round = 0; round < 3; round++) {
        for (const name of emptied) {
          await sql(`delete from ${quote(name)}`);
        }
      }
      if (all.includes('sqlite_sequence')) {
        const list = emptied.map(name => `'${name.replaceAll("'", "''")}'`).join();
        await sql(`delete from sqlite_sequence where name in (${list})`);
      }
      await sql('commit');
    } catch (error) {
      await sql('rollback').catch(() => undefined);
      throw error;
    }
  } finally {
    await sql(`pragma foreign_keys = ${Number(Object.values(before ?? {})[0] ?? 1)}`);
  }
}
