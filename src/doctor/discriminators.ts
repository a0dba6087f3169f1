import { OrmConfigError } from '../errors.js';
import { discriminatorColumns } from '../migrations/discriminator-columns.js';
import { looksMinifiedValue } from '../migrations/schema-probe.js';
import { examineCheck, findRefusal } from './checks.js';
import { examineJson } from './json-discriminators.js';
import { updateSql, type Hierarchy } from './hierarchy.js';
import { judge, renamedTable } from './discriminator-evidence.js';
import { decide, THREE, type Answers } from './discriminator-values.js';
import { keyOf, type Examination } from './examination.js';

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
  await examineJson(exam, answers);
}

async function examineHierarchy(exam: Examination, hierarchy: Hierarchy, answers: Answers): Promise<void> {
  const { kind, name, target, actual, column, values } = hierarchy;
  const current = exam.currentColumn(target, column);
  const rows = await exam.select<{ v: string | null; n: number | string }>(
    `select ${exam.quote(current)} as v, count(*) as n from ${actual.getQuotedName()} group by ${exam.quote(current)}`,
  );
  const { known, isUnsure } = await decide(
    exam,
    {
      kind,
      name,
      values,
      where: `${keyOf(target)}.${column}`,
      unit: 'rows',
      counts: new Map(rows.flatMap(({ v, n }) => (v === null ? [] : [[String(v), Number(n)] as const]))),
      isMinified: value => isMinified(exam, hierarchy, value),
      judge: value => judge(exam, hierarchy, value),
    },
    answers,
  );
  if (kind === 'relation') {
    exam.repair.add('typeColumn', ...updateSql(exam, actual, current, known));
  } else {
    await examineCheck(exam, hierarchy, known, isUnsure);
  }
}

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
