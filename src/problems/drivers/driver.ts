import type { ErrorFields } from '../error-fields.js';
import type { Verdict, VerdictTable } from '../verdict.js';

/** All that this package knows about the errors of one database, whatever client library talks to it. */
export interface DriverErrors {
  /** The scheme of MikroORM's default URL for this database; empty where it has none. */
  readonly scheme: string;
  /**
   * Whether an error has a shape that only this database's drivers give, never by its class, which bundlers rename.
   * `converted` says that MikroORM made a DriverException of it: some database made it then, and less has to be shown.
   */
  recognises(error: unknown, fields: ErrorFields, converted: boolean): boolean;
  /** What a recognised error means; undefined if its code says nothing and an error behind it may say more. */
  verdict(fields: ErrorFields): Verdict | undefined;
  /** What the error names, in the order of trust; empty if it names nothing. */
  clues(fields: ErrorFields, verdict: Verdict, error: unknown): readonly Clue[];
  /**
   * Whether the database refuses to compare a column by `<` or `>` with what a cursor held: a list, a boolean. It only
   * counts for an error that `em.findByCursor` led to.
   */
  refusesComparison?(fields: ErrorFields): boolean;
  /** What its drivers say in errors that have no code. */
  readonly uncoded: readonly UncodedError[];
  /** Codes of its drivers for connections. Other libraries use some of them, too: the stack has to show a database. */
  readonly connectionCodes?: VerdictTable;
  /** Classes of its drivers for errors that have no code. */
  readonly classes?: VerdictTable;
}

/**
 * What an error names, in the database's words. It only serves to look names up in the metadata: nothing of it reaches
 * a client.
 */
export interface Clue {
  readonly schema?: string | undefined;
  readonly table?: string | undefined;
  /** Name of a constraint or index; of a check that SQLite has no name for, its expression. */
  readonly constraint?: string | undefined;
  /** Column names, or expressions over columns. */
  readonly columns?: readonly string[] | undefined;
}

/** How the message of an error without a code begins, and what it means. */
export interface UncodedError {
  readonly begins: RegExp;
  readonly verdict: Verdict;
  /** Other libraries say the same: the stack has to show a database. */
  readonly ambiguous?: true;
}
