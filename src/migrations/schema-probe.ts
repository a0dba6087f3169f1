import { isSql, sqlConnections } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import { discriminatorColumns, type DiscriminatorColumn } from './discriminator-columns.js';
import { MINIFIED_PREFIX } from './migration-names.js';

/** A value of a discriminator that MikroORM makes of a minified class name. */
export function looksMinifiedValue(value: string): boolean {
  // not three characters: a newer release may have added a `cow`
  return /^(?:[\w$]{1,2}|[a-z$]_[a-z0-9$]{1,2})$/i.test(value);
}

/**
 * Looks for join columns and discriminators that a minifier named; `npx mikro-orm-web doctor` tells all about them. One
 * SELECT of the catalog, and one for each discriminator, which ends at the first wrong row.
 * @returns what is wrong, or undefined
 */
export async function probeSchema(orm: AnyOrm): Promise<string | undefined> {
  if (!isSql(orm)) {
    return undefined;
  }
  const pivots = [...orm.getMetadata().getAll().values()].filter(meta => meta.pivotTable && meta.schema !== '*');
  const discriminators = discriminatorColumns(orm).filter(({ meta }) => meta.schema !== '*');
  if (pivots.length + discriminators.length === 0) {
    return undefined;
  }
  const columns = await readColumns(
    orm,
    [...pivots, ...discriminators.map(({ meta }) => meta)].map(meta => meta.tableName),
  );
  for (const { tableName, props } of pivots) {
    const there = columns.get(tableName.toLowerCase());
    const wanted = props.flatMap(prop => (prop.persist === false ? [] : (prop.fieldNames ?? [])));
    const missing = wanted.filter(name => there && !there.has(name.toLowerCase()));
    const extra = [...(there ?? [])].filter(name => !wanted.some(other => other.toLowerCase() === name));
    if (missing.length > 0 && extra.some(name => MINIFIED_PREFIX.test(name))) {
      return `${tableName} has no column ${missing.join(', ')}, and ${extra.join(', ')} instead: names that a minifier made. Run npx mikro-orm-web doctor.`;
    }
  }
  for (const discriminator of discriminators) {
    const { meta, column, isText } = discriminator;
    if (isText && columns.get(meta.tableName.toLowerCase())?.has(column.toLowerCase())) {
      const value = await findWrongValue(orm, discriminator);
      if (value !== undefined) {
        return `${meta.tableName}.${column} has the value ${value}, which no class has: a name that a minifier made. Run npx mikro-orm-web doctor.`;
      }
    }
  }
  return undefined;
}

/** Column names by table, all in lower case; without tables that are not there. */
async function readColumns(orm: AnyOrm, tables: readonly string[]): Promise<Map<string, Set<string>>> {
  const platform = orm.driver.getPlatform();
  const list = [...new Set(tables)].map(name => platform.quoteValue(name)).join(', ');
  const packages = orm.driver.getDependencies();
  const isServer = packages.some(name => ['pg', '@electric-sql/pglite', 'mysql2', 'mariadb'].includes(name));
  const schema = orm.config.get('schema');
  const inSchema = packages.some(name => ['mysql2', 'mariadb'].includes(name))
    ? 'table_schema = database()'
    : `(table_schema = ${schema ? platform.quoteValue(schema) : 'current_schema()'} or table_schema <> current_schema())`;
  const rows = await select<{ t: string; c: string }>(
    orm,
    isServer
      ? `select table_name as t, column_name as c from information_schema.columns where table_name in (${list}) and ${inSchema}`
      : `select m.name as t, p.name as c from sqlite_master as m join pragma_table_info(m.name) as p where m.type = 'table' and m.name in (${list})`,
  );
  const columns = new Map<string, Set<string>>();
  for (const { t, c } of rows) {
    columns.set(t.toLowerCase(), (columns.get(t.toLowerCase()) ?? new Set()).add(c.toLowerCase()));
  }
  return columns;
}

/** A value that stands for no class, and that a minifier could have made. */
async function findWrongValue(
  orm: AnyOrm,
  { meta, column, values: map }: DiscriminatorColumn,
): Promise<string | undefined> {
  const platform = orm.driver.getPlatform();
  const quoted = platform.quoteIdentifier(column);
  const values = [...map.keys()].map(value => platform.quoteValue(value));
  const schema = meta.schema ?? orm.config.get('schema');
  const table = [schema, meta.tableName].flatMap(name => (name ? platform.quoteIdentifier(name) : [])).join('.');
  const length = platform.constructor.name.match(/mysql|mariadb/i) ? 'char_length' : 'length';
  const rows = await select<{ v: unknown }>(
    orm,
    `select ${quoted} as v from ${table} where ${quoted} not in (${values.join(', ')}) and ${length}(${quoted}) < 5 limit 1`,
  );
  const value = rows[0]?.v;
  return value !== undefined && looksMinifiedValue(String(value)) ? String(value) : undefined;
}

async function select<T>(orm: AnyOrm, sql: string): Promise<T[]> {
  return (await sqlConnections(orm)[0]![1].execute(sql)) as T[];
}
