import type { CheckDef } from '@mikro-orm/sql';
import { looksMinifiedValue } from '../migrations/schema-probe.js';
import { repairEnum } from './enums.js';
import { caseOf, updateSql, type Hierarchy } from './hierarchy.js';
import { keyOf, type Examination } from './examination.js';
import { closing } from './sql-text.js';
import { changeSqliteTable } from './sqlite-rebuild.js';

/**
 * D7: a CHECK or an enum that refuses the values of the classes, as it was made with minified ones. Also repairs the rows
 * (D6), as both depend on each other: `known` has the right value of each wrong one.
 */
export async function examineCheck(
  exam: Examination,
  hierarchy: Hierarchy,
  known: ReadonlyMap<string, string>,
  isUnsure: boolean,
): Promise<void> {
  const { target, column, values } = hierarchy;
  const { enumeration, wrongEnum, wrong, allowed } = findRefusal(exam, hierarchy);
  if (allowed.length > 0) {
    exam.findings.push({
      id: 'check',
      severity: 'error',
      message: `${keyOf(target)}.${column} allows ${allowed.join(', ')} and refuses ${values.filter(value => !allowed.includes(value)).join(', ')}: it was made with minified class names. Rows of those classes cannot be saved.`,
      fix: isUnsure
        ? 'Answer the question about its rows first.'
        : `Let it allow ${values.join(', ')} once the rows have these values, as the SQL does.`,
    });
  }
  const left = exam.dialect === 'mysql' && !wrongEnum ? enumeration.filter(value => isForeign(value, values)) : [];
  if (left.length > 0 && known.size === 0 && !isUnsure) {
    exam.findings.push({
      id: 'check',
      severity: 'warning',
      message: `${keyOf(target)}.${column} still allows ${left.join(', ')}, which no class has and no row: names that a minifier made.`,
      fix: `Let it allow ${values.join(', ')} only, as the SQL does.`,
    });
  }
  const update = updateSql(exam, target, column, known);
  if (wrongEnum || left.length > 0) {
    if (!isUnsure) {
      await repairEnum(exam, hierarchy, enumeration, known);
    }
  } else if (wrong.length === 0) {
    exam.repair.add('discriminator', ...update);
  } else if (!isUnsure) {
    const wanted = target.getChecks().find(check => mentions(check, column));
    if (exam.dialect === 'sqlite') {
      await repairInSqlite(exam, hierarchy, known, wanted);
    } else {
      const table = target.getQuotedName();
      exam.repair.add(
        'dropCheck',
        ...wrong.map(({ name }) => `alter table ${table} drop constraint ${exam.quote(name)}`),
      );
      exam.repair.add('discriminator', ...update);
      exam.repair.add('addCheck', ...(wanted ? [exam.helper.createCheck(target, wanted)] : []));
    }
  }
}

/** What of a table refuses the values of classes. */
export interface Refusal {
  readonly enumeration: readonly string[];
  readonly wrongEnum: boolean;
  readonly wrong: readonly CheckDef[];
  /** The values that are allowed in place of those; empty where none is refused. */
  readonly allowed: readonly string[];
}

export function findRefusal(exam: Examination, { actual, target, column, values }: Hierarchy): Refusal {
  const current = exam.currentColumn(target, column);
  const enumeration = actual.getColumn(current)?.enumItems ?? [];
  const isEnum = exam.dialect === 'mysql' || actual.getColumn(current)?.nativeEnumName !== undefined;
  const wrong = actual
    .getChecks()
    .filter(check => mentions(check, current) && refuses(exam, literals(check), values, check.name));
  const wrongEnum = isEnum && enumeration.length > 0 && refuses(exam, enumeration, values, column);
  return { enumeration, wrongEnum, wrong, allowed: wrongEnum ? enumeration : wrong.flatMap(literals) };
}

const isForeign = (value: string, values: readonly string[]): boolean =>
  !values.includes(value) && looksMinifiedValue(value);

/** A list that lacks a class's value, and was made by a minifier or is no matter of a migration that is still to run. */
function refuses(exam: Examination, allowed: readonly string[], values: readonly string[], name: string): boolean {
  const isMinified = allowed.some(value => isForeign(value, values));
  return (
    allowed.length > 0 &&
    values.some(value => !allowed.includes(value)) &&
    (isMinified || !exam.isConstraintToCome(name))
  );
}

async function repairInSqlite(
  exam: Examination,
  { target, actual, column, values }: Hierarchy,
  known: ReadonlyMap<string, string>,
  wanted: CheckDef | undefined,
): Promise<void> {
  const current = exam.currentColumn(target, column);
  const quoted = exam.quote(current);
  const expression = wanted && String(wanted.expression).replaceAll(exam.quote(column), quoted);
  const isUnderstood = await changeSqliteTable(exam, actual, {
    rewrite: ddl => replaceCheck(ddl, current, values, expression),
    values: new Map(known.size > 0 ? [[current, caseOf(exam, quoted, known)]] : []),
  });
  if (!isUnderstood) {
    exam.questions.push(
      `The CHECK of ${keyOf(actual)}.${column} is written in a way that is not understood. Rebuild the table by hand so that it allows ${values.join(', ')}, then run the doctor again.`,
    );
  }
}

/** Writes another expression into the CHECKs of a column that refuse its values. */
function replaceCheck(
  ddl: string,
  column: string,
  values: readonly string[],
  expression: string | undefined,
): string | undefined {
  let found = false;
  let text = ddl;
  for (const match of [...ddl.matchAll(/(?:\bconstraint\s+\S+\s+)?\bcheck\s*\(/gi)].reverse()) {
    const start = match.index + match[0].length;
    const end = closing(ddl, start);
    const body = ddl.slice(start, end);
    if (
      end > 0 &&
      mentions({ name: '', expression: body }, column) &&
      values.some(value => !body.includes(`'${value}'`))
    ) {
      found = true;
      const head = match[0].replace(/\($/, '');
      text =
        text.slice(0, match.index) + (expression === undefined ? '' : `${head}(${expression})`) + text.slice(end + 1);
    }
  }
  return found ? text : undefined;
}

function mentions({ columnName, expression }: CheckDef, column: string): boolean {
  const escaped = column.replace(/[$.*+?^(){}|[\]\\]/g, '\\$&');
  return columnName === column || new RegExp(`(?<![\\w'])${escaped}(?![\\w'])`).test(String(expression));
}

const literals = ({ expression }: CheckDef): string[] =>
  [...String(expression).matchAll(/'((?:[^']|'')*)'/g)].map(([, text]) => text!);
