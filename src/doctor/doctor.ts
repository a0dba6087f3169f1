import type { Options } from '@mikro-orm/core';
import { hasMigrator } from '../migrations/pending-migrations.js';
import { isSql } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import { identifyDatabase, isThere } from '../process/database-identity.js';
import { buildOrm } from '../singleton/build-orm.js';
import { assertAnswers } from '../singleton/connect.js';
import { within } from '../util/time-limit.js';
import { examineApp, examineNode } from './app.js';
import type { Answers } from './discriminator-values.js';
import { examineDiscriminators } from './discriminators.js';
import { Examination } from './examination.js';
import { examineConstraintNames, examineForeignKeys } from './foreign-keys.js';
import { examineJoinColumns } from './join-columns.js';
import { examinePool } from './pool.js';
import { examineRecordedNames, readMigrations } from './recorded-names.js';
import type { DoctorReport, Finding } from './report.js';
import { planRebuilds } from './sqlite-rebuild.js';
import { examineTables } from './tables.js';
import { examineUnlisted } from './unlisted.js';

export interface DoctorOptions {
  /** What the doctor could not tell by itself. */
  answers?: Answers | undefined;
  /** Where the app's packages are. @default the current folder */
  folder?: string | undefined;
}

/** Looks at an app and its database, and changes neither. Throws where the database does not answer. */
export async function examine(
  config: Partial<Options> | (() => Promise<Partial<Options>>),
  { answers = {}, folder = process.cwd() }: DoctorOptions = {},
): Promise<{ report: DoctorReport; notes: string[] }> {
  const node = examineNode(process.versions.node);
  if (node.length > 0) {
    return { report: toReport(node, undefined), notes: [] };
  }
  const given = typeof config === 'function' ? await config() : config;
  const orm = (await buildOrm({
    ...given,
    ensureDatabase: false,
    ensureIndexes: false,
    debug: false,
    // the output is the report, which may be read by a program
    logger: (message: string) => console.error(message),
  })) as AnyOrm;
  try {
    const findings = [...examineApp(orm, given, folder), ...examineUnlisted(orm)];
    // what is not there is an empty database
    const exam = isSql(orm) && isThere(identifyDatabase(orm)) ? await examineDatabase(orm, answers) : undefined;
    return { report: toReport([...findings, ...(exam?.findings ?? [])], exam), notes: exam?.repair.notes ?? [] };
  } finally {
    await within(1_000, orm.close()).catch(() => undefined); // of a server that is away
  }
}

async function examineDatabase(orm: AnyOrm, answers: Answers): Promise<Examination> {
  await assertAnswers(orm);
  const exam = await Examination.begin(orm);
  exam.findings.push(...(await examinePool(orm)));
  if (hasMigrator(orm)) {
    await readMigrations(exam);
  }
  await examineTables(exam);
  if (hasMigrator(orm)) {
    await examineRecordedNames(exam);
  }
  examineJoinColumns(exam);
  await examineDiscriminators(exam, answers);
  examineConstraintNames(exam);
  await examineForeignKeys(exam);
  planRebuilds(exam);
  return exam;
}

function toReport(findings: Finding[], exam: Examination | undefined): DoctorReport {
  const migration = exam?.repair.migration;
  return {
    ok: findings.every(({ severity }) => severity !== 'error'),
    findings,
    ...(exam?.renamed ? { renamed: exam.renamed } : {}),
    repair: {
      sql: exam?.repair.sql ?? [],
      ...(migration === undefined ? {} : { migration }),
      questions: exam?.questions ?? [],
    },
  };
}
