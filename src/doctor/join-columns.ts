import { MINIFIED_PREFIX } from '../migrations/migration-names.js';
import type { DatabaseTable, ForeignKey } from '@mikro-orm/sql';
import { bareName, keyOf, type Examination } from './examination.js';

/** D4: columns that hold a key of another table, under a name that a minifier made. */
export function examineJoinColumns(exam: Examination): void {
  for (const target of exam.target.getTables()) {
    const actual = exam.actualTable(target);
    if (actual) {
      examineTable(exam, target, actual);
    }
  }
}

function examineTable(exam: Examination, target: DatabaseTable, actual: DatabaseTable): void {
  const isPivot = exam.metadata.some(meta => meta.pivotTable && meta.tableName === target.name);
  const missing = names(target).filter(name => !actual.hasColumn(name) && !exam.isColumnToCome(target, name));
  const extra = names(actual).filter(name => !target.hasColumn(name) && MINIFIED_PREFIX.test(name));
  const found = new Map<string, { from: string; evidence: string }>();
  const open: { name: string; candidates: string[] }[] = [];
  for (const name of missing) {
    const byKey = extra.filter(column => pointsAlike(exam, target, actual, name, column) === true);
    const left = extra.filter(column => pointsAlike(exam, target, actual, name, column) !== false);
    const place = target.getPrimaryKey()?.columnNames.indexOf(name) ?? -1;
    const byPlace = left.filter(column => place >= 0 && actual.getPrimaryKey()?.columnNames.indexOf(column) === place);
    const evidence: [string, string[]][] = [
      ['its foreign key leads to the same table', byKey],
      ['it has the same place in the primary key', byPlace],
      ['it is the only one left', isPivot && missing.length === 1 && extra.length === 1 ? left : []],
    ];
    const hit = evidence.find(([, columns]) => columns.length === 1);
    if (hit && (isPivot || byKey.length > 0)) {
      found.set(name, { from: hit[1][0]!, evidence: hit[0] });
    } else if (isPivot && left.length > 0) {
      open.push({ name, candidates: left });
    }
  }
  // two names for one column prove nothing
  const taken = [...found.values()].map(({ from }) => from);
  for (const [name, { from, evidence }] of found) {
    if (taken.filter(other => other === from).length > 1) {
      open.push({ name, candidates: [from] });
    } else {
      rename(exam, target, actual, from, name, evidence);
    }
  }
  for (const { name, candidates } of open) {
    const list = candidates.map(column => `${keyOf(actual)}.${column}`).join(', ');
    exam.findings.push({
      ...finding(`${keyOf(target)}.${name} is missing, and could be ${list}`),
      fix: 'Answer the question, then: alter table … rename column … to …. Never drop and add a column: that loses the rows.',
    });
    exam.questions.push(
      `Which column has the values of ${keyOf(target)}.${name}: ${list}? Compare its values with the keys of the table that it leads to, rename it by hand, then run the doctor again.`,
    );
  }
}

function rename(
  exam: Examination,
  target: DatabaseTable,
  actual: DatabaseTable,
  from: string,
  to: string,
  evidence: string,
): void {
  const columns = exam.columns.get(keyOf(target)) ?? new Map<string, string>();
  exam.columns.set(keyOf(target), columns.set(from, to));
  exam.findings.push({
    ...finding(`${keyOf(target)}.${to} is there as ${keyOf(actual)}.${from}`),
    evidence: [`${from}: ${evidence}`],
    fix: `Rename the column to ${to}, as the SQL does. Never drop and add it, as MikroORM's own diff proposes: that loses the rows.`,
  });
  exam.repair.add(
    'renameColumn',
    `alter table ${target.getQuotedName()} rename column ${exam.quote(from)} to ${exam.quote(to)}`,
  );
}

const finding = (what: string) => ({
  id: 'join-column' as const,
  severity: 'error' as const,
  message: `The join column ${what}, a name that comes from a minified class name. Relations through it fail, or are read as empty.`,
});

const names = (table: DatabaseTable): string[] => table.getColumns().map(({ name }) => name);

/** Whether the foreign keys of both columns lead to the same table; undefined where one of them has none. */
function pointsAlike(
  exam: Examination,
  target: DatabaseTable,
  actual: DatabaseTable,
  name: string,
  column: string,
): boolean | undefined {
  const [wanted, found] = [foreignKeyOf(target, name), foreignKeyOf(actual, column)];
  return wanted && found && leadsTo(exam, wanted) === leadsTo(exam, found);
}

const leadsTo = (exam: Examination, key: ForeignKey): string => {
  const name = bareName(key.referencedTableName);
  return bareName(exam.tables.get(name) ?? name);
};

function foreignKeyOf(table: DatabaseTable, column: string): ForeignKey | undefined {
  return Object.values(table.getForeignKeys()).find(key => key.columnNames.includes(column));
}
