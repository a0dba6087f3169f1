import type { Column } from '@mikro-orm/sql';
import { looksMinifiedValue } from '../migrations/schema-probe.js';
import { updateSql, type Hierarchy } from './hierarchy.js';
import { keyOf, type Examination } from './examination.js';

/** Lets an enum have the values of the classes, and gives the rows those. */
export async function repairEnum(
  exam: Examination,
  hierarchy: Hierarchy,
  allowed: readonly string[],
  known: ReadonlyMap<string, string>,
): Promise<void> {
  await (exam.dialect === 'mysql' ? repairMysqlEnum : repairNativeEnum)(exam, hierarchy, allowed, known);
}

function repairMysqlEnum(
  exam: Examination,
  { target, column, values }: Hierarchy,
  allowed: readonly string[],
  known: ReadonlyMap<string, string>,
): void {
  const wanted = target.getColumn(column)!;
  const modify = (items: readonly string[]): string => {
    const type = `enum(${items.map(item => exam.value(item)).join(', ')})`;
    const changed: Column = { ...wanted, type, enumItems: [...items] };
    return `alter table ${target.getQuotedName()} modify ${exam.helper.createTableColumn(changed, target)}`;
  };
  if (known.size > 0 && values.some(value => !allowed.includes(value))) {
    exam.repair.add('dropCheck', modify([...new Set([...allowed, ...values])]));
  }
  exam.repair.add('discriminator', ...updateSql(exam, target, column, known));
  exam.repair.add(
    'addCheck',
    wanted.enumItems
      ? modify(wanted.enumItems)
      : `alter table ${target.getQuotedName()} modify ${exam.helper.createTableColumn(wanted, target)}`,
  );
}

/**
 * A type of PostgreSQL: to rename a value renames it in all rows, and can be undone; a value that is added could not be used
 * within the same transaction. So a value is added only where none is left to be renamed, and no row gets it.
 */
async function repairNativeEnum(
  exam: Examination,
  { target, actual, column, values }: Hierarchy,
  allowed: readonly string[],
  known: ReadonlyMap<string, string>,
): Promise<void> {
  const type = await readType(exam, actual.getQuotedName(), exam.currentColumn(target, column));
  if (!type || type.users > 1) {
    exam.questions.push(
      `The values of ${type?.name ?? keyOf(actual)} are a minifier's, and it is the type of other columns, too. Rename them by hand (alter type … rename value … to …), one for each of ${values.join(', ')}, if those columns mean the same. Then run the doctor again.`,
    );
    return;
  }
  const names = new Set(allowed);
  const rename = (from: string, to: string): void => {
    exam.repair.add('dropCheck', `alter type ${type.name} rename value ${exam.value(from)} to ${exam.value(to)}`);
    names.delete(from);
    names.add(to);
  };
  const moved = new Map<string, string>();
  for (const [from, to] of known) {
    if (names.has(to)) {
      moved.set(from, to);
    } else {
      rename(from, to);
    }
  }
  exam.repair.add('discriminator', ...updateSql(exam, target, column, moved));
  // no row has one of these: it does not matter which becomes which
  const isOfOneBuild = !values.some(value => allowed.includes(value));
  const unused = [...names].filter(
    name =>
      !values.includes(name) && !known.has(name) && (looksMinifiedValue(name) || (isOfOneBuild && name.length === 3)),
  );
  const missing = values.filter(value => !names.has(value));
  missing.forEach((value, i) => {
    if (unused[i] !== undefined) {
      rename(unused[i], value);
    } else {
      exam.repair.add('addCheck', `alter type ${type.name} add value ${exam.value(value)}`);
    }
  });
}

/** The type of a column, quoted, and how many columns have it. */
async function readType(
  exam: Examination,
  table: string,
  column: string,
): Promise<{ name: string; users: number } | undefined> {
  const [row] = await exam.select<{ name: string; n: string | number; schema: string; is_default: boolean }>(
    `select t.typname as name, s.nspname as schema, s.nspname = current_schema() as is_default,
      (select count(*) from pg_attribute as b join pg_class as c on c.oid = b.attrelid
        where b.atttypid = t.oid and not b.attisdropped and c.relkind in ('r', 'p', 'f')) as n
      from pg_attribute as a join pg_type as t on t.oid = a.atttypid join pg_namespace as s on s.oid = t.typnamespace
      where a.attrelid = ${exam.value(table)}::regclass and a.attname = ${exam.value(column)}`,
  );
  if (!row) {
    return undefined;
  }
  const name = exam.quote(row.name);
  return { name: row.is_default ? name : `${exam.quote(row.schema)}.${name}`, users: Number(row.n) };
}
