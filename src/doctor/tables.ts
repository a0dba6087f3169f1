import type { DatabaseTable } from '@mikro-orm/sql';
import { looksMinified, MINIFIED_PREFIX } from '../migrations/migration-names.js';
import { isSame, keyOf, type Examination } from './examination.js';

const LEFTOVER = '__temp_alter';

/** D3: tables under a name that a minifier made, and what a change of a table has left. */
export async function examineTables(exam: Examination): Promise<void> {
  const { target, actual } = exam;
  const targets = new Set(target.getTables().map(keyOf));
  const unknown = actual.getTables().filter(table => !targets.has(keyOf(table)));
  const there = new Set(actual.getTables().map(keyOf));
  const missing = target.getTables().filter(table => !there.has(keyOf(table)) && !isToCome(exam, table));
  for (const table of missing) {
    const like = unknown.filter(
      other =>
        table.schema === other.schema &&
        (looksMinified(other.name) || other.name === table.name + LEFTOVER) &&
        hasSameColumns(table, other) &&
        // a name that a migration gives is the app's own, however short
        !exam.effects.some(({ makes }) => makes.has(other.name.toLowerCase())),
    );
    const rivals = missing.filter(other => like.some(candidate => hasSameColumns(other, candidate)));
    if (like.length === 1 && rivals.length === 1) {
      rename(exam, like[0]!, table);
    } else if (like.length > 0) {
      const names = like.map(keyOf).join(', ');
      exam.findings.push({
        id: 'table-name',
        severity: 'error',
        message: `The table ${keyOf(table)} is missing, and ${names} could be it: the columns are the same, and a name of that kind comes from a minifier. Entities of that table are not found.`,
        fix: `Answer the question, then: alter table … rename to ${exam.quote(table.name)}.`,
      });
      exam.questions.push(
        `Which table has the rows of ${keyOf(table)}: ${names}? ${rivals.length > 1 ? `The tables ${rivals.map(keyOf).join(', ')} are missing, and have the same columns. ` : ''}Rename it by hand, then run the doctor again.`,
      );
    }
  }
  for (const table of unknown.filter(other => other.name.endsWith(LEFTOVER) && !exam.tables.has(keyOf(other)))) {
    await examineLeftover(exam, table);
  }
}

/** Whether a migration makes the table that did not run; not certain where no row, or a minified name, may stand for it. */
function isToCome({ effects, rows }: Examination, table: DatabaseTable): boolean {
  const recorded = new Set(rows.map(({ name }) => name));
  const isCertain =
    rows.length > 0 && rows.every(({ name }) => !looksMinified(name) || effects.some(effect => effect.name === name));
  return isCertain && effects.some(({ name, makes }) => !recorded.has(name) && makes.has(table.name.toLowerCase()));
}

function rename(exam: Examination, from: DatabaseTable, to: DatabaseTable): void {
  exam.tables.set(keyOf(from), keyOf(to));
  exam.findings.push({
    id: 'table-name',
    severity: 'error',
    message: `The table ${keyOf(to)} is there as ${keyOf(from)}, a name that a minifier made or that a change of the table has left. Entities of that table are not found, and MikroORM's own diff proposes to drop it.`,
    evidence: [`${keyOf(from)} is the only unknown table with the columns of ${keyOf(to)}`],
    fix: `Rename the table to ${keyOf(to)}, as the SQL does.`,
  });
  exam.repair.add('renameTable', `alter table ${from.getQuotedName()} rename to ${exam.quote(to.name)}`);
  if (exam.dialect === 'postgresql') {
    const key = to.getPrimaryKey()?.columnNames;
    const sequence = key?.length === 1 ? key[0]! : 'id';
    const schema = from.getQuotedName().slice(0, -exam.quote(from.name).length);
    exam.repair.add(
      'renameTable',
      `alter sequence if exists ${schema}${exam.quote(`${from.name}_${sequence}_seq`)} rename to ${exam.quote(`${to.name}_${sequence}_seq`)}`,
    );
  }
}

/** The same columns, but for join columns that a minifier named. */
function hasSameColumns(target: DatabaseTable, actual: DatabaseTable): boolean {
  const names = (table: DatabaseTable): string[] => table.getColumns().map(({ name }) => name);
  const [wanted, found] = [names(target), names(actual)];
  const missing = wanted.filter(name => !found.includes(name));
  const extra = found.filter(name => !wanted.includes(name));
  return (
    missing.length === extra.length &&
    extra.every(name => MINIFIED_PREFIX.test(name)) &&
    (missing.length < wanted.length || isSame(types(target), types(actual)))
  );
}

const types = (table: DatabaseTable): string[] =>
  table
    .getColumns()
    .map(({ mappedType }) => mappedType.constructor.name)
    .sort();

/** A change of a SQLite table copies it; a crash leaves the copy. */
async function examineLeftover(exam: Examination, table: DatabaseTable): Promise<void> {
  const source = exam.actual
    .getTables()
    .find(other => other.schema === table.schema && other.name === table.name.slice(0, -LEFTOVER.length));
  const name = table.getQuotedName();
  const columns = table.getColumns().map(column => column.name);
  const isCopy = source !== undefined && columns.every(column => source.hasColumn(column));
  const list = columns.map(column => exam.quote(column)).join(', ');
  const [sum] = await exam.select<{ n: number | string }>(
    isCopy
      ? `select count(*) as n from (select ${list} from ${name} except select ${list} from ${source.getQuotedName()}) as lost`
      : `select count(*) as n from ${name}`,
  );
  const lost = Number(sum?.n);
  exam.findings.push({
    id: 'leftover-table',
    severity: 'error',
    message: `The table ${keyOf(table)} was left by a change of a table that did not come to its end. The next change of that table fails, as the name is taken.`,
    evidence: [
      lost === 0
        ? `all of its rows are in ${source ? keyOf(source) : 'it: none'}`
        : `${lost} of its rows are nowhere else`,
    ],
    fix: lost === 0 ? 'Drop it, as the SQL does: no row is lost.' : 'Answer the question. Nothing drops it for you.',
  });
  if (lost === 0) {
    exam.repair.add('dropLeftover', `drop table ${name}`);
  } else {
    exam.questions.push(
      `${keyOf(table)} has ${lost} rows that ${source ? keyOf(source) : 'no other table'} lacks. Are they still needed? Copy those that are, then drop the table by hand.`,
    );
  }
}
