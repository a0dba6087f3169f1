import type { AnyOrm } from '../../orm-source.js';
import { pinConnection, sqlConnections } from '../../mikro-orm-internals.js';
import { withMigrationLock } from '../../migrations/lock/migration-lock.js';
import { rawQuery } from '../raw-query.js';
import { marked } from './postgresql.js';
import { MARK_TABLE, newMark, readMark, type Mark, type TestStore } from './test-store.js';

type Rows = Record<string, unknown>[];
type Sql = (text: string) => Promise<Rows>;

const quote = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
const literal = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

/** Databases of a MySQL or MariaDB server, which a table marks. `admin` is connected to another one. */
export function mysqlStore(admin: AnyOrm, base: string): TestStore {
  const connection = sqlConnections(admin)[0]![1];
  const sql = (text: string): Promise<Rows> => connection.execute(text) as Promise<Rows>;
  const find = async (name: string): Promise<Mark | 'foreign' | undefined> => {
    const [there] = await sql(`select 1 from information_schema.schemata where schema_name = ${literal(name)}`);
    const [row] = there ? await sql(`select mark from ${quote(name)}.${MARK_TABLE}`).catch(() => []) : [];
    return there && (readMark(row?.['mark']) ?? 'foreign');
  };
  const create = async (name: string, mark: Mark): Promise<void> => {
    await sql(`create database ${quote(name)}`);
    await sql(
      `create table ${quote(name)}.${MARK_TABLE} (mark varchar(1000)) select ${literal(JSON.stringify(mark))} as mark`,
    );
  };

  return {
    base,
    longest: 64,
    find,
    async list() {
      const rows = await sql(
        `select table_schema as name from information_schema.tables where table_name = '${MARK_TABLE}'`,
      );
      const found: Rows = [];
      for (const { name } of rows) {
        const [row] = await sql(`select mark from ${quote(String(name))}.${MARK_TABLE}`).catch(() => []);
        found.push({ name, mark: row?.['mark'] });
      }
      return marked(found);
    },
    async build(name, migrate) {
      await create(name, newMark('template', false));
      await migrate({ dbName: name });
      await sql(`update ${quote(name)}.${MARK_TABLE} set mark = ${literal(JSON.stringify(newMark('template', true)))}`);
    },
    async copy(template, name) {
      await create(name, newMark('copy', true));
      await pinConnection(connection, async pinned => {
        const run: Sql = async text => ((await pinned.executeQuery(rawQuery(text))) as { rows: Rows }).rows;
        await run('set foreign_key_checks = 0, sql_mode = concat(@@sql_mode, ",NO_AUTO_VALUE_ON_ZERO")');
        try {
          await copyDatabase(template, name, run);
        } finally {
          await run(`use ${quote(String(admin.config.get('dbName')))}`);
          await run('set foreign_key_checks = 1, sql_mode = default');
        }
      });
    },
    async drop(name) {
      await sql(`drop database if exists ${quote(name)}`);
    },
    overrides: async dbName => ({ dbName }),
    exclusively: work => withMigrationLock(admin, {}, work),
    close: () => admin.close(),
  };
}

/** Copies what `show create` tells, and rows: the server has no templates. */
async function copyDatabase(template: string, name: string, run: Sql): Promise<void> {
  const of = (kind: string): Promise<Rows> =>
    run(
      `select table_name as name, table_type as kind from information_schema.tables where table_schema = ${literal(template)} and table_type ${kind} order by table_name`,
    );
  const create = async (kind: string, object: string, column: string): Promise<string> => {
    const [row] = await run(`show create ${kind} ${quote(template)}.${quote(object)}`);
    return String(row?.[column])
      .replace(/\bDEFINER=\S+@\S+ /, '')
      .replaceAll(`${quote(template)}.`, '');
  };
  await run(`use ${quote(name)}`);
  for (const { name: table, kind } of await of(`in ('BASE TABLE', 'SEQUENCE')`)) {
    const target = String(table);
    if (target === MARK_TABLE) {
      continue;
    }
    await run(await create('table', target, 'Create Table'));
    if (kind === 'BASE TABLE') {
      const columns = await run(
        `select column_name as name from information_schema.columns where table_schema = ${literal(template)} and table_name = ${literal(target)} and extra not like '%GENERATED%' order by ordinal_position`,
      );
      const list = columns.map(column => quote(String(column['name']))).join();
      await run(`insert into ${quote(target)} (${list}) select ${list} from ${quote(template)}.${quote(target)}`);
    }
  }
  const routines = await run(
    `select routine_name as name, lower(routine_type) as kind from information_schema.routines where routine_schema = ${literal(template)}`,
  );
  for (const { name: routine, kind } of routines) {
    await run(
      await create(String(kind), String(routine), kind === 'function' ? 'Create Function' : 'Create Procedure'),
    );
  }
  // a view may read another one
  let views = (await of(`= 'VIEW'`)).map(view => String(view['name']));
  while (views.length > 0) {
    const failed: [string, unknown][] = [];
    for (const view of views) {
      await run(await create('view', view, 'Create View')).catch((error: unknown) => failed.push([view, error]));
    }
    if (failed.length === views.length) {
      throw failed[0]![1];
    }
    views = failed.map(([view]) => view);
  }
  const triggers = await run(
    `select trigger_name as name from information_schema.triggers where trigger_schema = ${literal(template)} order by action_order`,
  );
  for (const { name: trigger } of triggers) {
    await run(await create('trigger', String(trigger), 'SQL Original Statement'));
  }
}
