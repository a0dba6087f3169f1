import type { DatabaseTable } from '@mikro-orm/sql';
import type { DiscriminatorColumn } from '../migrations/discriminator-columns.js';
import type { Examination } from './examination.js';

/** A column of a table whose values stand for classes. */
export interface Hierarchy extends Pick<DiscriminatorColumn, 'kind' | 'name'> {
  readonly target: DatabaseTable;
  readonly actual: DatabaseTable;
  /** The discriminator's target name. */
  readonly column: string;
  /** One for each class. */
  readonly values: readonly string[];
  /** The columns that each class has. */
  readonly owned: DiscriminatorColumn['values'];
}

/** Gives rows their values, under the names that table and column have by then. */
export function updateSql(
  exam: Examination,
  table: DatabaseTable,
  column: string,
  known: ReadonlyMap<string, string>,
): string[] {
  if (known.size === 0) {
    return [];
  }
  const name = exam.quote(column);
  const wrong = [...known.keys()].map(value => exam.value(value)).join(', ');
  return [`update ${table.getQuotedName()} set ${name} = ${caseOf(exam, name, known)} where ${name} in (${wrong})`];
}

/** Changes some values of an expression. */
export function caseOf(exam: Examination, name: string, known: ReadonlyMap<string, string>): string {
  const cases = [...known].map(([from, to]) => `when ${exam.value(from)} then ${exam.value(to)}`);
  return `case ${name} ${cases.join(' ')} else ${name} end`;
}
