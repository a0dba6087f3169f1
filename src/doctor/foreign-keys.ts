import type { DatabaseTable, ForeignKey, IndexDef } from '@mikro-orm/sql';
import { MINIFIED_PREFIX } from '../migrations/migration-names.js';
import { bareName, isSame, keyOf, type Examination } from './examination.js';
import { addForeignKeyInSqlite } from './sqlite-rebuild.js';

/** D5: foreign keys that the entities have and the database lacks. Run it after tables and columns have their names. */
export async function examineForeignKeys(exam: Examination): Promise<void> {
  if (exam.orm.config.get('schemaGenerator').createForeignKeyConstraints === false) {
    return;
  }
  for (const target of exam.target.getTables()) {
    const actual = exam.actualTable(target);
    for (const key of actual ? Object.values(target.getForeignKeys()) : []) {
      const isThere = hasForeignKey(exam, target, actual!, key);
      const columns = key.columnNames.map(name => exam.currentColumn(target, name));
      if (!isThere && columns.every(name => actual!.hasColumn(name)) && !exam.isConstraintToCome(key.constraintName)) {
        await examineMissing(exam, target, actual!, key, columns);
      }
    }
  }
}

async function examineMissing(
  exam: Examination,
  target: DatabaseTable,
  actual: DatabaseTable,
  key: ForeignKey,
  columns: readonly string[],
): Promise<void> {
  const parent = exam.target.getTables().find(table => bareName(key.referencedTableName) === table.name);
  const parentTable = parent && exam.actualTable(parent);
  if (!parent || !parentTable) {
    return; // a table that is still to come, with its migration
  }
  const parentColumns = key.referencedColumnNames.map(name => exam.currentColumn(parent, name));
  const [quotedChild, quotedParent] = [actual.getQuotedName(), parentTable.getQuotedName()];
  const isSet = columns.map(name => `child.${exam.quote(name)} is not null`).join(' and ');
  const match = columns
    .map((name, i) => `parent.${exam.quote(parentColumns[i]!)} = child.${exam.quote(name)}`)
    .join(' and ');
  const [sum] = await exam.select<{ n: number | string }>(
    `select count(*) as n from ${quotedChild} as child where ${isSet} and not exists (select 1 from ${quotedParent} as parent where ${match})`,
  );
  const orphans = Number(sum?.n);
  const where = `${keyOf(target)} (${key.columnNames.join(', ')})`;
  exam.findings.push({
    id: 'foreign-key',
    severity: 'error',
    message: `The foreign key of ${where} to ${keyOf(parent)} is missing: nothing keeps rows from losing their parents. A second module graph that updated the schema under other names has dropped it.`,
    evidence: [orphans === 0 ? 'every row has its parent' : `${orphans} rows have no parent`],
    fix:
      orphans === 0
        ? 'Add it, as the SQL does.'
        : 'Answer the question: it can be added once every row has its parent.',
  });
  if (orphans > 0) {
    exam.questions.push(
      `${orphans} rows of ${where} refer to rows of ${keyOf(parent)} that are not there. What should become of them? Then run the doctor again.`,
    );
  } else if (exam.dialect === 'sqlite') {
    await addForeignKeyInSqlite(exam, actual, key, columns);
  } else {
    exam.repair.add('addForeignKey', foreignKeySql(exam, target, key));
  }
}

/** Also renames what is named after tables and columns: constraints and indexes of the tables that are renamed or changed. */
export function examineConstraintNames(exam: Examination): void {
  const changed = new Set([...exam.tables.values(), ...exam.columns.keys()]);
  for (const target of exam.target.getTables().filter(table => changed.has(keyOf(table)))) {
    const actual = exam.actualTable(target)!;
    if (exam.dialect !== 'sqlite') {
      renameForeignKeys(exam, target, actual);
    }
    renameIndexes(exam, target, actual, () => true);
  }
  if (exam.dialect === 'mysql') {
    // without a transaction, a repair may have come to its end between a column and its index
    for (const target of exam.target.getTables().filter(table => !changed.has(keyOf(table)))) {
      const actual = exam.actualTable(target);
      const left = actual ? renameIndexes(exam, target, actual, name => isMinifiedIndex(target, name)) : [];
      if (left.length > 0) {
        exam.findings.push({
          id: 'join-column',
          severity: 'warning',
          message: `Indexes of ${keyOf(target)} have names that a minifier made: ${left.join(', ')}. They work, and MikroORM's own diff proposes to rename them.`,
          fix: 'Rename them, as the SQL does.',
        });
      }
    }
  }
}

/** Named after a column or a table that a minifier named. */
function isMinifiedIndex({ name: table }: DatabaseTable, name: string): boolean {
  return MINIFIED_PREFIX.test(name.startsWith(`${table}_`) ? name.slice(table.length + 1) : name);
}

function renameForeignKeys(exam: Examination, target: DatabaseTable, actual: DatabaseTable): void {
  for (const key of Object.values(target.getForeignKeys())) {
    const old = Object.values(actual.getForeignKeys()).find(other => isSameKey(exam, target, key, other));
    if (!old || old.constraintName === key.constraintName) {
      continue;
    }
    if (exam.dialect === 'postgresql') {
      const [from, to] = [old.constraintName, key.constraintName].map(name => exam.quote(name));
      exam.repair.add('renameConstraint', `alter table ${target.getQuotedName()} rename constraint ${from} to ${to}`);
    } else {
      exam.repair.add(
        'dropForeignKey',
        `alter table ${actual.getQuotedName()} drop foreign key ${exam.quote(old.constraintName)}`,
      );
      exam.repair.add('addForeignKey', foreignKeySql(exam, target, key));
    }
  }
}

/** Returns the names that are changed. */
function renameIndexes(
  exam: Examination,
  target: DatabaseTable,
  actual: DatabaseTable,
  isWrong: (name: string) => boolean,
): string[] {
  const renamed: string[] = [];
  const taken = new Set(target.getIndexes().map(({ keyName }) => keyName));
  for (const index of target.getIndexes()) {
    const old = actual.getIndexes().find(
      other =>
        other.primary === index.primary &&
        other.unique === index.unique &&
        !taken.has(other.keyName) &&
        isSame(
          other.columnNames.map(name => exam.columnName(target, name)),
          index.columnNames,
        ),
    );
    if (old && isWrong(old.keyName) && !actual.getIndexes().some(({ keyName }) => keyName === index.keyName)) {
      exam.repair.add('renameConstraint', ...renameIndex(exam, target, index, old));
      renamed.push(old.keyName);
    }
  }
  return renamed;
}

function renameIndex(exam: Examination, target: DatabaseTable, index: IndexDef, old: IndexDef): string[] {
  const [from, to] = [exam.quote(old.keyName), exam.quote(index.keyName)];
  if (exam.dialect === 'postgresql') {
    const schema = target.getQuotedName().slice(0, -exam.quote(target.name).length);
    return [`alter index ${schema}${from} rename to ${to}`];
  }
  if (index.primary) {
    return [];
  }
  if (exam.dialect === 'mysql') {
    return [`alter table ${target.getQuotedName()} rename index ${from} to ${to}`];
  }
  return [`drop index ${from}`, exam.helper.createIndex(index, target)];
}

function hasForeignKey(exam: Examination, target: DatabaseTable, actual: DatabaseTable, key: ForeignKey): boolean {
  const found = Object.values(actual.getForeignKeys());
  if (exam.dialect !== 'sqlite') {
    return found.some(other => isSameKey(exam, target, key, other));
  }
  // there, MikroORM reads a key of several columns as several keys
  return key.columnNames.every(name =>
    found.some(other => isSameKey(exam, target, { ...key, columnNames: [name] }, other)),
  );
}

function isSameKey(exam: Examination, target: DatabaseTable, key: ForeignKey, other: ForeignKey): boolean {
  const parent = bareName(other.referencedTableName);
  return (
    bareName(exam.tables.get(parent) ?? parent) === bareName(key.referencedTableName) &&
    isSame(
      other.columnNames.map(name => exam.columnName(target, name)),
      key.columnNames,
    )
  );
}

function foreignKeySql(exam: Examination, target: DatabaseTable, key: ForeignKey): string {
  return exam.helper.createForeignKey(target, key);
}
