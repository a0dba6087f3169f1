import type { DatabaseTable } from '@mikro-orm/sql';
import type { Hierarchy } from './hierarchy.js';
import { bareName, type Examination } from './examination.js';

export const BOTH = 'no single class has values in all of';

/** What a value stands for, if the database proves it, and what was seen. */
export interface Verdict {
  readonly name: string | undefined;
  readonly seen: string;
}

export function judge(exam: Examination, hierarchy: Hierarchy, value: string): Verdict | Promise<Verdict> {
  return hierarchy.kind === 'relation' ? judgeByTables(exam, hierarchy, value) : judgeByColumns(exam, hierarchy, value);
}

/** A relation has the names of tables. Ids prove nothing: rows of several tables have the same ones. */
function judgeByTables(exam: Examination, { values }: Hierarchy, value: string): Verdict {
  const name = renamedTable(exam, value);
  return name !== undefined && values.includes(name)
    ? { name, seen: `the table ${value} is renamed to ${name}` }
    : { name: undefined, seen: `there is no table ${value} to be renamed` };
}

/** The name that a table gets in this repair. */
export function renamedTable(exam: Examination, name: string): string | undefined {
  const to = [...exam.tables].find(([from]) => bareName(from) === name)?.[1];
  return to === undefined ? undefined : bareName(to);
}

/** Tells a value's class by the columns in which its rows have values. */
async function judgeByColumns(
  exam: Examination,
  { target, actual, column, values, owned }: Hierarchy,
  value: string,
): Promise<Verdict> {
  const shared = [...owned.values()];
  const telling = [...new Set(shared.flat())].filter(
    name =>
      !shared.every(columns => columns.includes(name)) &&
      actual.hasColumn(exam.currentColumn(target, name)) &&
      !hasDefault(exam, target, actual, name),
  );
  if (telling.length === 0) {
    return { name: undefined, seen: 'no column tells the classes apart' };
  }
  const sums = telling.map((name, i) => `count(${exam.quote(exam.currentColumn(target, name))}) as c${i}`).join(', ');
  const current = exam.quote(exam.currentColumn(target, column));
  const [sum] = await exam.select<Record<string, number | string>>(
    `select ${sums} from ${actual.getQuotedName()} where ${current} = ${exam.value(value)}`,
  );
  return judgeUsed(
    values,
    owned,
    telling,
    telling.filter((_, i) => Number(sum?.[`c${i}`]) > 0),
  );
}

/** Tells a class by what its rows or objects use of that which tells the classes apart. */
export function judgeUsed(
  values: readonly string[],
  owned: ReadonlyMap<string, readonly string[]>,
  telling: readonly string[],
  used: readonly string[],
): Verdict {
  if (used.length === 0) {
    return { name: undefined, seen: `no values in ${telling.join(', ')}` };
  }
  const fitting = values.filter(name => used.every(item => owned.get(name)!.includes(item)));
  if (fitting.length === 0) {
    return { name: undefined, seen: `${BOTH} ${used.join(', ')}, so two builds used one name` };
  }
  return {
    name: fitting.length === 1 ? fitting[0] : undefined,
    seen: `values in ${used.join(', ')}, as ${fitting.join(' or ')} has them`,
  };
}

/** A default stands in the rows of every class. */
function hasDefault(exam: Examination, target: DatabaseTable, actual: DatabaseTable, name: string): boolean {
  const columns = [target.getColumn(name), actual.getColumn(exam.currentColumn(target, name))];
  return columns.some(column => column?.default != null && !/^null\b/i.test(column.default));
}
