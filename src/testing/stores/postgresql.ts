import type { AnyOrm } from '../../orm-source.js';
import { withMigrationLock } from '../../migrations/lock/migration-lock.js';
import { newMark, readMark, type Mark, type TestStore } from './test-store.js';

/** Databases of a PostgreSQL server, which a comment marks. `admin` is connected to another one. */
export function postgresqlStore(admin: AnyOrm, base: string): TestStore {
  const sql = (text: string, parameters: unknown[] = []): Promise<Record<string, unknown>[]> =>
    admin.driver.getConnection().execute(text, parameters) as Promise<Record<string, unknown>[]>;
  const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  const setMark = (name: string, mark: Mark) =>
    sql(`comment on database ${quote(name)} is '${JSON.stringify(mark).replaceAll("'", "''")}'`);
  const drop = async (name: string): Promise<void> => {
    await sql(`drop database if exists ${quote(name)} with (force)`);
  };

  return {
    base,
    longest: 63,
    async find(name) {
      const [row] = await sql(
        `select shobj_description(oid, 'pg_database') as mark from pg_database where datname = ?`,
        [name],
      );
      return row && (readMark(row['mark']) ?? 'foreign');
    },
    async list() {
      const rows = await sql(
        `select datname as name, shobj_description(oid, 'pg_database') as mark from pg_database where not datistemplate`,
      );
      return marked(rows);
    },
    async build(name, migrate) {
      await sql(`create database ${quote(name)}`);
      await setMark(name, newMark('template', false));
      await migrate({ dbName: name });
      await setMark(name, newMark('template', true));
    },
    async copy(template, name) {
      await sql(`create database ${quote(name)} template ${quote(template)}`);
      await setMark(name, newMark('copy', true));
    },
    drop,
    overrides: async dbName => ({ dbName }),
    exclusively: work => withMigrationLock(admin, {}, work),
    close: () => admin.close(),
  };
}

/** Those of these rows that have a mark. */
export const marked = (rows: Record<string, unknown>[]): { name: string; mark: Mark }[] =>
  rows.flatMap(({ name, mark }) => {
    const read = readMark(mark);
    return read ? [{ name: String(name), mark: read }] : [];
  });
