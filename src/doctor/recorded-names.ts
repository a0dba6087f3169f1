import { looksMinified } from '../migrations/migration-names.js';
import { hasMigrationsTable, migrationsTableName, migrationsTableSql } from '../mikro-orm-internals.js';
import { renamedMigrations } from '../migrations/checked-migrator.js';
import { recordedRows, type RecordedRow, type RenamedMigrations } from '../migrations/recorded-names.js';
import type { Examination } from './examination.js';
import { didRun, readEffects, type Effects, type Ran } from './migration-effects.js';
import { formatRenamed } from './report.js';

/** Reads what the listed migrations do, and which are recorded. */
export async function readMigrations(exam: Examination): Promise<void> {
  exam.effects = await readEffects(exam.orm);
  exam.rows = await recordedRows(exam.orm);
}

/** D1 and D2: the names under which migrations are recorded, or that none is. */
export async function examineRecordedNames(exam: Examination): Promise<void> {
  const { orm, effects, rows } = exam;
  const [artifacts, anywhere] = [exam.artifacts, await exam.readArtifacts()];
  const ran = new Map(effects.map(migration => [migration.name, didRun(migration, effects, artifacts, anywhere)]));
  const given = givenNames(rows, renamedMigrations(orm));
  const recorded = new Set(rows.map(row => given.get(row) ?? row.name));
  const open = effects.filter(({ name }) => !recorded.has(name));
  for (const migration of open.filter(({ name }) => ran.get(name) !== 'yes')) {
    exam.toCome.push(migration);
  }
  if (rows.length === 0) {
    examineMissingRows(exam, effects, ran, await hasMigrationsTable(orm));
    return;
  }
  const { targets, question } = pairRows(rows, given, open, ran);
  const wrong = rows.filter(row => given.has(row) || isMinified(row, effects));
  if (wrong.length === 0) {
    return;
  }
  const seen = wrong.map(row => `row ${row.id} is recorded as ${row.name}`);
  const evidence = open.map(({ name }) => `${name} is not recorded; ${SAYS[ran.get(name)!]}`);
  exam.findings.push({
    id: 'recorded-names',
    severity: 'error',
    message:
      'Migrations are recorded under names that a minifier made. A migration that gets the same name is never run, and one whose name changes is run again.',
    evidence: [...seen, ...evidence],
    fix: question
      ? 'Answer the question: write the name of each row into explicitMigrations(migrations, { renamed }), then run the doctor again.'
      : 'Write explicitMigrations(migrations, { renamed }) with the map below and run `npx mikro-orm-web migrate`, or run the SQL.',
  });
  if (question) {
    exam.questions.push(question);
    return;
  }
  exam.renamed = renamedOf(rows, targets);
  const table = migrationsTable(exam);
  const taken = new Set(rows.filter(row => !targets.has(row)).map(({ name }) => name));
  for (const [row, name] of targets) {
    const where = `where ${exam.quote('id')} = ${row.id} and ${exam.quote('name')} = ${exam.value(row.recordedName)}`;
    // of a migration that is recorded twice, as `renamed` says, the first row stays: as a run does it
    exam.repair.add(
      'recordedNames',
      taken.has(name)
        ? `delete from ${table} ${where}`
        : `update ${table} set ${exam.quote('name')} = ${exam.value(name)} ${where}`,
    );
    taken.add(name);
  }
}

const SAYS: Record<Ran, string> = {
  yes: 'what it makes is there',
  no: 'what it makes is not there',
  unknown: 'no table or column of this schema tells whether it ran',
};

interface Pairing {
  /** The name that each wrong row gets. */
  readonly targets: ReadonlyMap<RecordedRow, string>;
  /** Why there is no certain answer. */
  readonly question: string | undefined;
}

/**
 * Finds which migrations the minified rows stand for. Certain is what the database proves: a migration whose tables and
 * columns are there ran, and ran once, as it would have failed the second time. One that proves nothing is taken for run
 * only if it is the only such one and exactly one row is left for it. With anything else, a guess would skip a migration or
 * run it again.
 */
export function pairRows(
  rows: readonly RecordedRow[],
  given: ReadonlyMap<RecordedRow, string>,
  open: readonly Effects[],
  ran: ReadonlyMap<string, Ran>,
): Pairing {
  const listed = new Set(ran.keys());
  const unknown = rows.filter(row => !given.has(row) && !listed.has(row.name));
  const wrong = unknown.filter(row => looksMinified(row.name));
  const by = (what: Ran): Effects[] => open.filter(({ name }) => ran.get(name) === what);
  const [made, silent] = [by('yes'), by('unknown')];
  const names = open.filter(({ name }) => ran.get(name) !== 'no').map(({ name }) => name);
  const targets = new Map(given);
  const pair = (chosen: readonly string[]): Pairing => {
    wrong.forEach((row, i) => targets.set(row, chosen[i]!));
    return { targets, question: undefined };
  };
  if (wrong.length === 0) {
    return pair([]);
  }
  if (silent.length === 0 && wrong.length === made.length) {
    return pair(names);
  }
  // a row under another name that the list lacks, or a second row of a migration that can run twice, would break the count
  const isCountable = unknown.length === wrong.length && made.every(({ repeatable }) => !repeatable);
  if (isCountable && silent.length === 1 && wrong.length === made.length + 1) {
    return pair(names);
  }
  const candidates = names.join(', ') || 'none that is listed';
  const blanks = renamedOf(wrong, new Map(wrong.map(row => [row, '…'])));
  return {
    targets,
    question: `Which migrations are the rows ${wrong.map(({ id, name }) => `${id} (${name})`).join(', ')} of? ${wrong.length === 1 ? 'It is one' : `They are ${wrong.length}`} of: ${candidates}. The database does not prove it${silent.length > 0 ? ` for ${silent.map(({ name }) => name).join(', ')}` : ''}. Write renamed: ${formatRenamed(blanks)}, one name a row, in the order of the ids. If the migration of a row is gone from the list, or the row is a second one, delete that row.`,
  };
}

/** The rows that the config's `renamed` names already. */
function givenNames(rows: readonly RecordedRow[], renamed: RenamedMigrations): Map<RecordedRow, string> {
  const given = new Map<RecordedRow, string>();
  for (const [from, to] of Object.entries(renamed)) {
    const wrong = rows.filter(row => row.name === from);
    const names = typeof to === 'string' ? [to] : to;
    if (wrong.length === names.length) {
      wrong.forEach((row, i) => given.set(row, names[i]!));
    }
  }
  return given;
}

/** D2: no migration is recorded, and tables are there that migrations make. */
function examineMissingRows(
  exam: Examination,
  effects: readonly Effects[],
  ran: ReadonlyMap<string, Ran>,
  isThere: boolean,
): void {
  const made = effects.filter(({ name }) => ran.get(name) === 'yes').map(({ name }) => name);
  if (made.length === 0) {
    return;
  }
  const tableName = migrationsTable(exam);
  const silent = effects.filter(({ name }) => ran.get(name) === 'unknown').map(({ name }) => name);
  exam.findings.push({
    id: 'no-migrations-table',
    severity: 'error',
    message: `No migration is recorded in ${tableName}, and tables are there that the migrations make. The next run would make them again, and fail.`,
    evidence: made.map(name => `what ${name} makes is there`),
    fix: `Record what ran, after the rest of the repair: ${made.map(name => `npx mikro-orm migration:log --name ${name}`).join(' && ')}`,
  });
  if (silent.length > 0) {
    // with the others recorded, the next run would come as far as these
    exam.questions.push(
      `Did ${silent.join(', ')} run? Nothing in the database tells, and there is no SQL for any of them. Record each migration that ran by \`npx mikro-orm migration:log --name …\` before the next run.`,
    );
    return;
  }
  exam.repair.add('migrationLog', ...(isThere ? [] : migrationsTableSql(exam.orm)));
  for (const name of made) {
    exam.repair.add('migrationLog', `insert into ${tableName} (${exam.quote('name')}) values (${exam.value(name)})`);
  }
}

const isMinified = (row: RecordedRow, effects: readonly Effects[]): boolean =>
  looksMinified(row.name) && !effects.some(({ name }) => name === row.name);

function renamedOf(
  rows: readonly RecordedRow[],
  targets: ReadonlyMap<RecordedRow, string>,
): Record<string, string | string[]> {
  const renamed = new Map<string, string[]>();
  for (const row of rows) {
    const name = targets.get(row);
    if (name !== undefined) {
      renamed.set(row.name, [...(renamed.get(row.name) ?? []), name]);
    }
  }
  return Object.fromEntries([...renamed].map(([from, to]) => [from, to.length === 1 ? to[0]! : to]));
}

/** Quoted. */
function migrationsTable(exam: Examination): string {
  const { tableName, schemaName } = migrationsTableName(exam.orm);
  return [schemaName, tableName].flatMap(name => (name ? exam.quote(name) : [])).join('.');
}
