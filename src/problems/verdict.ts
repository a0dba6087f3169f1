import type { OrmProblemCode } from './problem-codes.js';

/**
 * What an error is, before it becomes a problem. `misconfigured` is a database that stays unavailable until somebody
 * changes a setting (a wrong password, an unknown database): waiting does not help.
 */
export type Verdict = OrmProblemCode | 'misconfigured';

/** Codes of one database or library and what they mean. */
export type VerdictTable = Readonly<Record<string, Verdict>>;

/** The entry of a code that comes from an error, so that it may be any text (`constructor`, say). */
export const verdictIn = (table: VerdictTable, code: string): Verdict | undefined =>
  Object.hasOwn(table, code) ? table[code] : undefined;
