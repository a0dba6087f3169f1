/** What a Kysely driver does with the connection of a transaction. */
export const TRANSACTION_METHODS = [
  'beginTransaction',
  'commitTransaction',
  'rollbackTransaction',
  'savepoint',
  'rollbackToSavepoint',
  'releaseSavepoint',
] as const;
export type TransactionMethod = (typeof TRANSACTION_METHODS)[number];

/** What the messages call them: the texts are the drivers' own. */
export const TEXTS: Record<TransactionMethod, string> = {
  beginTransaction: 'begin',
  commitTransaction: 'commit',
  rollbackTransaction: 'rollback',
  savepoint: 'savepoint',
  rollbackToSavepoint: 'rollback to savepoint',
  releaseSavepoint: 'release savepoint',
};

/** After one of these has failed, nobody can tell whether a transaction is open, and Kysely never gives the connection back. */
export const ENDS_WHEN_IT_FAILS: ReadonlySet<TransactionMethod> = new Set([
  'beginTransaction',
  'commitTransaction',
  'rollbackTransaction',
]);
