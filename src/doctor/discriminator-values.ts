import type { DiscriminatorColumn } from '../migrations/discriminator-columns.js';
import { BOTH, type Verdict } from './discriminator-evidence.js';
import type { Examination } from './examination.js';

/** What a person said: `{ 'animal.type': { k: 'cat' } }`. */
export type Answers = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Values that stand for classes, wherever they are. */
export interface Subject extends Pick<DiscriminatorColumn, 'kind' | 'name'> {
  /** As answers name it. */
  readonly where: string;
  readonly unit: 'rows' | 'objects';
  /** One for each class. */
  readonly values: readonly string[];
  /** How often each value is there. */
  readonly counts: ReadonlyMap<string, number>;
  isMinified(value: string): boolean;
  judge(value: string): Verdict | Promise<Verdict>;
}

/** The right value for each wrong one, as far as it is certain; asks for the others. */
export async function decide(
  exam: Examination,
  subject: Subject,
  answers: Answers,
): Promise<{ known: ReadonlyMap<string, string>; isUnsure: boolean }> {
  const { kind, name, where, unit, values, counts } = subject;
  const answered = answers[where] ?? {};
  const isWrong = (value: string): boolean => subject.isMinified(value) || values.includes(answered[value]!);
  const unknown = [...counts.keys()].filter(value => !values.includes(value)).sort();
  const wrong = unknown.filter(isWrong);
  const known = new Map<string, string>();
  const evidence: string[] = [];
  for (const value of wrong) {
    const { name: proved, seen } = await subject.judge(value);
    const said = answered[value];
    if (said !== undefined && values.includes(said)) {
      known.set(value, said);
      evidence.push(`${value} is ${said}, as answered`);
    } else {
      if (proved !== undefined) {
        known.set(value, proved);
      }
      evidence.push(`${value} in ${counts.get(value)} ${unit}: ${seen}`);
    }
  }
  const open = wrong.filter(value => !known.has(value));
  const left = values.filter(value => ![...known.values()].includes(value) && !counts.has(value));
  const isContradictory = evidence.some(line => line.includes(BOTH));
  if (open.length === 1 && left.length === 1 && !isContradictory && values.length > 1 && known.size > 0) {
    known.set(open[0]!, left[0]!);
    evidence.push(`${open[0]} is ${left[0]}: the only ${NOUN[kind]} that is left`);
  }
  const unsure = wrong.filter(value => !known.has(value));
  if (wrong.length > 0) {
    exam.findings.push({
      id: 'discriminator',
      severity: 'error',
      message: `${where} has values that no ${NOUN[kind]} of ${name} has: ${wrong.join(', ')}. ${MEANING[kind]}`,
      evidence,
      fix:
        unsure.length > 0
          ? 'Answer the question, then run the doctor again.'
          : `Give the ${unit} their values: ${[...known].map(([from, to]) => `${from} is ${to}`).join(', ')}. The SQL does so, if no question is left.`,
    });
  }
  for (const value of unsure) {
    exam.questions.push(
      `Which ${NOUN[kind]} is ${value} in ${where} (${counts.get(value)} ${unit})? One of: ${values.join(', ')}. Look at the ${unit}, and run the doctor again with --discriminator '${where}:${value}=${left[0] ?? values[0]}', or whichever it is.`,
    );
  }
  unknown.filter(value => !isWrong(value) && THREE.test(value)).forEach(value => askAbout(exam, subject, value));
  return { known, isUnsure: unsure.length > 0 };
}

const NOUN: Record<Subject['kind'], string> = { hierarchy: 'class', embeddable: 'class', relation: 'table' };

const MEANING: Record<Subject['kind'], string> = {
  hierarchy:
    'They are minified class names. Such rows load as the base class, and a query for their own class does not find them.',
  embeddable: 'They are minified class names. Such objects are read as if there were none.',
  relation: 'They are the names that tables had by minified class names. Loading such rows fails.',
};

/** As long as the longest names of a minifier's, and as many words. */
export const THREE = /^[\w$]{3}$/;

/** Three characters may be a minifier's, or a word: of a newer release, or of a class that is gone. */
function askAbout(exam: Examination, { kind, name, where, unit, values, counts }: Subject, value: string): void {
  exam.findings.push({
    id: 'discriminator',
    severity: 'warning',
    message: `${where} has the value ${value}, which no ${NOUN[kind]} of ${name} has. It is a minifier's, or of another release.`,
    evidence: [`${value} in ${counts.get(value)} ${unit}`],
    fix: 'Answer the question, if the value is a minifier’s. Leave it, if a newer release has it.',
  });
  exam.questions.push(
    `What is ${value} in ${where} (${counts.get(value)} ${unit})? If a newer release has it, leave it. If it is the minified name of one of ${values.join(', ')}, look at the ${unit}, and run the doctor again with --discriminator '${where}:${value}=${values[0]}', or whichever it is.`,
  );
}
