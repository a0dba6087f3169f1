import type { EntityMetadata } from '@mikro-orm/core';
import type { DatabaseTable } from '@mikro-orm/sql';
import { OrmConfigError } from '../errors.js';
import { looksMinifiedValue, singleTableRoots } from '../migrations/schema-probe.js';
import { examineCheck, type Hierarchy } from './checks.js';
import type { Examination } from './examination.js';
import { keyOf } from './examination.js';

/** What a person said: `{ 'animal.type': { k: 'cat' } }`. */
export type Answers = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Reads answers as the command line takes them: `animal.type:k=cat`. */
export function readAnswers(texts: readonly string[]): Answers {
  const answers: Record<string, Record<string, string>> = {};
  for (const text of texts) {
    const [, where, from, to] = /^([^:]+):([^=]*)=(.+)$/.exec(text) ?? [];
    if (where === undefined || from === undefined || to === undefined) {
      throw new OrmConfigError(
        `--discriminator takes <table.column>:<value>=<value of a class>, as in animal.type:k=cat, and got ${text}.`,
      );
    }
    answers[where] = { ...answers[where], [from]: to };
  }
  return answers;
}

/** D6: values of discriminator columns that stand for no class, and D7: what keeps the right ones out. */
export async function examineDiscriminators(exam: Examination, answers: Answers): Promise<void> {
  for (const meta of singleTableRoots(exam.orm)) {
    const target = exam.target.getTables().find(table => table.name === meta.tableName);
    const actual = target && exam.actualTable(target);
    const column = meta.properties[meta.discriminatorColumn as never]?.fieldNames[0];
    if (target && actual && column && actual.hasColumn(exam.currentColumn(target, column))) {
      const values = Object.keys(meta.discriminatorMap!);
      await examineHierarchy(exam, { meta, target, actual, column, values }, answers);
    }
  }
}

async function examineHierarchy(exam: Examination, hierarchy: Hierarchy, answers: Answers): Promise<void> {
  const { meta, target, actual, column, values } = hierarchy;
  const current = exam.quote(exam.currentColumn(target, column));
  const rows = await exam.select<{ v: string | null; n: number | string }>(
    `select ${current} as v, count(*) as n from ${actual.getQuotedName()} group by ${current}`,
  );
  const counts = new Map(rows.flatMap(({ v, n }) => (v === null ? [] : [[String(v), Number(n)] as const])));
  const wrong = [...counts.keys()].filter(value => !values.includes(value) && looksMinifiedValue(value)).sort();
  const answered = answers[`${keyOf(target)}.${column}`] ?? {};
  const known = new Map<string, string>();
  const evidence: string[] = [];
  for (const value of wrong) {
    const { name, seen } = await judge(exam, hierarchy, value);
    const said = answered[value];
    if (said !== undefined && values.includes(said)) {
      known.set(value, said);
      evidence.push(`${value} is ${said}, as answered`);
    } else {
      if (name !== undefined) {
        known.set(value, name);
      }
      evidence.push(`${value} in ${counts.get(value)} rows: ${seen}`);
    }
  }
  const open = wrong.filter(value => !known.has(value));
  const left = values.filter(value => ![...known.values()].includes(value) && !counts.has(value));
  const isContradictory = evidence.some(line => line.includes(BOTH));
  if (open.length === 1 && left.length === 1 && !isContradictory && values.length > 1 && known.size > 0) {
    known.set(open[0]!, left[0]!);
    evidence.push(`${open[0]} is ${left[0]}: the only class that is left`);
  }
  const unsure = wrong.filter(value => !known.has(value));
  const where = `${keyOf(target)}.${column}`;
  if (wrong.length > 0) {
    exam.findings.push({
      id: 'discriminator',
      severity: 'error',
      message: `${where} has values that no class of ${meta.className} has: ${wrong.join(', ')}. They are minified class names. Such rows load as the base class, and a query for their own class does not find them.`,
      evidence,
      fix:
        unsure.length > 0
          ? 'Answer the question, then run the doctor again.'
          : `Give the rows their values, as the SQL does: ${[...known].map(([from, to]) => `${from} is ${to}`).join(', ')}.`,
    });
  }
  for (const value of unsure) {
    exam.questions.push(
      `Which class is ${value} in ${where} (${counts.get(value)} rows)? One of: ${values.join(', ')}. Look at the rows, and run the doctor again with --discriminator ${where}:${value}=${left[0] ?? values[0]}, or whichever it is.`,
    );
  }
  await examineCheck(exam, hierarchy, known, unsure.length > 0);
}

const BOTH = 'no single class has values in all of';

/** Tells a value's class by the columns in which its rows have values. */
async function judge(
  exam: Examination,
  { meta, target, actual, column, values }: Hierarchy,
  value: string,
): Promise<{ name: string | undefined; seen: string }> {
  const owned = new Map(values.map(name => [name, columnsOf(exam, meta.discriminatorMap![name])]));
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
  const used = telling.filter((_, i) => Number(sum?.[`c${i}`]) > 0);
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

function columnsOf(exam: Examination, type: unknown): string[] {
  const meta = exam.metadata.find((other: EntityMetadata) => other.class === type || other.className === type);
  return (meta?.props ?? []).flatMap(prop => (prop.persist === false ? [] : (prop.fieldNames ?? [])));
}
