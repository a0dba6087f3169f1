import type { Syntax } from '../statements.js';

/** Runs statements on the connection of a sandbox, one after the other; returns the rows of the last. */
export type Run = (...statements: string[]) => Promise<Record<string, unknown>[]>;

/** A statement of the code under test, and its parameters. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** What is particular to a database where a transaction stands in for the whole of it. One for each sandbox. */
export interface SandboxDatabase {
  readonly syntax: Syntax;
  /** Statements that begin and undo the transaction that a sandbox is. */
  readonly open: readonly string[];
  readonly undo: readonly string[];
  /** Whether an error makes the whole transaction useless, so that there has to be a savepoint before each statement. */
  readonly failsAsWhole: boolean;
  /** Whether the driver runs several statements in one text. */
  readonly takesScripts: boolean;
  /** Whether a transaction can be read-only within another one. */
  readonly hasReadOnly: boolean;
  /** Whether isolation levels are the database's: in a sandbox they mean nothing. */
  readonly hasIsolation: boolean;
  /** Called at the begin, and at the end, when the transaction is undone: for what no transaction undoes. */
  opened?(run: Run): Promise<void>;
  undone?(run: Run): Promise<void>;
  /** Why a statement cannot be undone; undefined where it can. */
  refuse?(statement: string): string | undefined;
  /** What to run in place of a statement that means nothing within a transaction. */
  replace?(statement: string): string | undefined;
  /** Called when the code under test begins a transaction. */
  beforeTransaction?(run: Run): Promise<void>;
  /** Called before each of its statements in a transaction. */
  beforeStatement?(statement: Statement, run: Run): Promise<void>;
  /** Called with each statement that has run. */
  noteStatement?(sql: string): void;
  /** Statements that do before an inner commit what the database does at COMMIT. Rejects where that would fail. */
  beforeCommit(run: Run): Promise<string[]>;
  /** Whether the error of a commit means that the transaction had failed before, and was rolled back without a word. */
  isSilentRollback?(error: unknown): boolean;
  /** Whether the transaction of the sandbox is gone after this error: on a handle that can be asked. */
  hasLost?(handle: unknown): boolean;
}
