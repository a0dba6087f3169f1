import type { AppDatabase, Driver } from './app-database.js';

/** Everything in a database as a text: the schema and all rows. */
export function dump(driver: Driver, database: AppDatabase): Promise<string> {
  return driver === 'sqlite' ? dumpSqlite(database.file!) : dumpPostgresql(database);
}

/** The positions of PostgreSQL's sequences, which no transaction undoes. */
export async function readSequences({ query }: AppDatabase): Promise<Record<string, string | null>> {
  const rows = await query<{ name: string; value: string | null }>(
    'select sequencename as name, last_value::text as value from pg_sequences',
  );
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

async function dumpSqlite(path: string): Promise<string> {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const file = new DatabaseSync(path, { readOnly: true });
  try {
    const objects = file.prepare('select type, name, sql from sqlite_master order by name').all();
    // sqlite_sequence, where there is one, is among them
    const tables = objects.filter(({ type }) => type === 'table').map(({ name }) => String(name));
    return JSON.stringify([
      objects,
      ...tables.map(name => [name, file.prepare(`select rowid, * from "${name}" order by rowid`).all()]),
    ]);
  } finally {
    file.close();
  }
}

async function dumpPostgresql({ query }: AppDatabase): Promise<string> {
  const rows = await query<{ text: string }>(
    `select schema_to_xml_and_xmlschema('public', true, false, '')::text as text
    union all (select indexdef from pg_indexes where schemaname = 'public' order by 1)
    union all (select conname || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace order by 1)`,
  );
  return rows.map(({ text }) => text).join('\n');
}
