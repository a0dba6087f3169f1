import type { OrmProblemCode } from './problem.js';

/**
 * What an error is, before it becomes a problem. `misconfigured` is a database that is not available until somebody
 * changes a setting (a wrong password, an unknown database): waiting does not help.
 */
export type Verdict = OrmProblemCode | 'misconfigured';

/**
 * What others call it: SQLSTATE of PostgreSQL, also as a class of two characters; numbers of MySQL and MariaDB, where
 * their SQLSTATE does not tell; result codes of SQLite without `SQLITE_` and `CONSTRAINT_`, a primary one for all its
 * extended codes; codes of files in Node; classes of MikroORM.
 */
const NAMES: Partial<Record<Verdict, string>> = {
  'not-found': 'NotFoundError',
  'unique-violation': '23505 1062 1586 1761 1762 UNIQUE PRIMARYKEY ROWID UniqueConstraintViolationException',
  'exclusion-violation': '23P01',
  'resource-in-use': '23001 1217 1451',
  'reference-violation': '23503 FOREIGNKEY ForeignKeyConstraintViolationException',
  'version-conflict': 'OptimisticLockError',
  'reference-not-found': '1216 1452',
  required: '23502 1048 1263 1364 NOTNULL NotNullConstraintViolationException',
  'check-violation': '23514 44000 1369 3819 4025 CHECK CheckConstraintViolationException',
  'invalid-value': '22 54000 1153 1265 1292 1300 1366 1525 DATATYPE MISMATCH TOOBIG',
  'invalid-cursor': 'CursorError',
  'transaction-conflict': '40 1020',
  'lock-timeout': '55P03 1205 3572 BUSY LOCKED',
  'database-overloaded': '53 1040 1041 1135 1203 1226 NOMEM EMFILE',
  'database-unavailable': '08 57P01 57P02 57P03 57P05 25P03 58 1053 1927 4031 CANTOPEN IOERR ENOENT',
  misconfigured: '28 3D000 57P04 1044 1049 1129 1130 1862 3118 3159 4151 EACCES',
  'database-read-only': '25006 1836 READONLY EROFS',
  'query-timeout': '57014 70100 25P04 3024 INTERRUPT',
  'storage-full': '53100 1021 1114 FULL ENOSPC',
};

const verdicts = new Map(
  Object.entries(NAMES).flatMap(([verdict, names]) => names.split(' ').map(name => [name, verdict as Verdict])),
);

/** The verdict on a name, or on the class of a SQLSTATE. */
export const verdictOn = (name: string): Verdict | undefined =>
  verdicts.get(name) ?? (name.length === 5 ? verdicts.get(name.slice(0, 2)) : undefined);
