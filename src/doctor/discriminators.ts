import { OrmConfigError } from '../errors.js';
import { discriminatorColumns } from '../migrations/discriminator-columns.js';
import { looksMinifiedValue } from '../migrations/schema-probe.js';
import { examineCheck, findRefusal } from './checks.js';
import { updateSql, type Hierarchy } from './hierarchy.js';
import { BOTH, judge, renamedTable } from './discriminator-evidence.js';
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
  for (const { kind, meta, name, column, values: owned } of discriminatorColumns(exam.orm)) {
    const target = exam.target.getTables().find(table => table.name === meta.tableName);
    const actual = target && exam.actualTable(target);
    if (target && actual?.hasColumn(exam.currentColumn(target, column))) {
      const values = [...owned.keys()];
      await examineHierarchy(exam, { kind, name, target, actual, column, values, owned }, answers);
    }
  }
}

async function examineHierarchy(exam: Examination, hierarchy: Hierarchy, answers: Answers): Promise<void> {
  const { kind, name, target, actual, column, values } = hierarchy;
  const current = exam.quote(exam.currentColumn(target, column));
  const rows = await exam.select<{ v: string | null; n: number | string }>(
    `select ${current} as v, count(*) as n from ${actual.getQuotedName()} group by ${current}`,
  );
  const counts = new Map(rows.flatMap(({ v, n }) => (v === null ? [] : [[String(v), Number(n)] as const])));
  const answered = answers[`${keyOf(target)}.${column}`] ?? {};
  const isWrong = (value: string): boolean => isMinified(exam, hierarchy, value) || values.includes(answered[value]!);
  const unknown = [...counts.keys()].filter(value => !values.includes(value)).sort();
  const wrong = unknown.filter(isWrong);
  const known = new Map<string, string>();
  const evidence: string[] = [];
  for (const value of wrong) {
    const { name: proved, seen } = await judge(exam, hierarchy, value);
    const said = answered[value];
    if (said !== undefined && values.includes(said)) {
      known.set(value, said);
      evidence.push(`${value} is ${said}, as answered`);
    } else {
      if (proved !== undefined) {
        known.set(value, proved);
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
      message: `${where} has values that no ${kind === 'relation' ? 'table' : 'class'} of ${name} has: ${wrong.join(', ')}. ${MEANING[kind]}`,
      evidence,
      fix:
        unsure.length > 0
          ? 'Answer the question, then run the doctor again.'
          : `Give the rows their values, as the SQL does: ${[...known].map(([from, to]) => `${from} is ${to}`).join(', ')}.`,
    });
  }
  for (const value of unsure) {
    exam.questions.push(
      `Which ${kind === 'relation' ? 'table' : 'class'} is ${value} in ${where} (${counts.get(value)} rows)? One of: ${values.join(', ')}. Look at the rows, and run the doctor again with --discriminator ${where}:${value}=${left[0] ?? values[0]}, or whichever it is.`,
    );
  }
  askAbout(exam, hierarchy, new Map(unknown.flatMap(v => (isWrong(v) || !THREE.test(v) ? [] : [[v, counts.get(v)!]]))));
  if (kind === 'relation') {
    exam.repair.add('typeColumn', ...updateSql(exam, actual, exam.currentColumn(target, column), known));
  } else {
    await examineCheck(exam, hierarchy, known, unsure.length > 0);
  }
}

const MEANING: Record<Hierarchy['kind'], string> = {
  hierarchy:
    'They are minified class names. Such rows load as the base class, and a query for their own class does not find them.',
  embeddable: 'They are minified class names. Such objects are read as if there were none.',
  relation: 'They are the names that tables had by minified class names. Loading such rows fails.',
};

const THREE = /^[\w$]{3}$/;

/** A value that a minifier made: too short for a name, or one of those that a list allows which has none of the right ones. */
function isMinified(exam: Examination, hierarchy: Hierarchy, value: string): boolean {
  if (looksMinifiedValue(value)) {
    return true;
  }
  if (hierarchy.kind === 'relation') {
    return renamedTable(exam, value) !== undefined;
  }
  const { allowed } = findRefusal(exam, hierarchy);
  return THREE.test(value) && allowed.includes(value) && !hierarchy.values.some(item => allowed.includes(item));
}

/** Three characters may be a minifier's, or a word: of a newer release, or of a class that is gone. */
function askAbout(
  exam: Examination,
  { name, kind, target, column, values }: Hierarchy,
  counts: ReadonlyMap<string, number>,
): void {
  const where = `${keyOf(target)}.${column}`;
  for (const [value, count] of counts) {
    exam.findings.push({
      id: 'discriminator',
      severity: 'warning',
      message: `${where} has the value ${value}, which no ${kind === 'relation' ? 'table' : 'class'} of ${name} has. It is a minifier's, or of another release.`,
      evidence: [`${value} in ${count} rows`],
      fix: 'Answer the question, if the value is a minifier’s. Leave it, if a newer release has it.',
    });
    exam.questions.push(
      `What is ${value} in ${where} (${count} rows)? If a newer release has it, leave it. If it is a minified name of one of ${values.join(', ')}, look at the rows, and run the doctor again with --discriminator ${where}:${value}=${values[0]}, or whichever it is.`,
    );
  }
}
