import type { OrmProblemCode } from './problem-codes.js';

/**
 * What an error is, before it becomes a problem. `misconfigured` is a database that is not available until somebody
 * changes a setting (a wrong password, an unknown database): waiting does not help.
 */
export type Verdict = OrmProblemCode | 'misconfigured';

/**
 * What others call it: SQLSTATE of PostgreSQL, also as a class of two characters; numbers of MySQL and MariaDB, where
 * their SQLSTATE does not tell; result codes of SQLite without `SQLITE_` and `CONSTRAINT_`, a primary one for all its
 * extended codes; codes of files in Node; classes of MikroORM and of MongoDB's driver. Numbers of Microsoft SQL Server
 * begin with `ms`, of Oracle with `ora`, of MongoDB with `mdb`.
 */
const NAMES: Partial<Record<Verdict, string>> = {
  'not-found': 'NotFoundError',
  'unique-violation':
    '23505 1062 1586 1761 1762 UNIQUE PRIMARYKEY ROWID UniqueConstraintViolationException ms2601 ms2627 ora1 mdb11000',
  'exclusion-violation': '23P01',
  'resource-in-use': '23001 1217 1451 REFERENCE ms4712 ora2292',
  'reference-violation': '23503 FOREIGNKEY ForeignKeyConstraintViolationException',
  'version-conflict': 'OptimisticLockError',
  'reference-not-found': '1216 1452 FOREIGN ora2291',
  required: '23502 1048 1263 1364 NOTNULL NotNullConstraintViolationException ms515 ora1400 ora1407',
  'check-violation': '23514 44000 1369 3819 4025 CHECK CheckConstraintViolationException ora2290 mdb121',
  'invalid-value':
    '22 54000 1153 1265 1292 1300 1366 1525 DATATYPE MISMATCH TOOBIG ms220 ms241 ms245 ms2628 ms8114 ms8152 EPARAM ora1438 ora1722 ora1861 ora12899',
  'invalid-cursor': 'CursorError',
  forbidden: 'ms33504 ora28115',
  'transaction-conflict': '40000 40001 40P01 1020 ms1205 ms3960 ora60 ora8177 mdb112 mdb251',
  'lock-timeout': '55P03 1205 3572 BUSY LOCKED ms1222 ora54 mdb24',
  'database-overloaded':
    '53 1040 1041 1135 1203 1226 NOMEM EMFILE ms10928 ora18 ora2391 ora12516 ora12519 NJS-040 NJS-076 MongoWaitQueueTimeoutError',
  'database-unavailable':
    '08 40003 57P01 57P02 57P03 57P05 25P03 58 1053 1927 4031 CANTOPEN IOERR ENOENT ms596 ms40197 ms40613 ora1033 ora1034 ora12170 ora12541 mdb6 mdb91 mdb11600 MongoNetworkError MongoServerSelectionError MongoTopologyClosedError',
  misconfigured:
    '28 3D000 57P04 1044 1049 1129 1130 1862 3118 3159 4151 EACCES ms916 ms4060 ms18456 ora1017 ora1045 ora12154 ora12514 ora28000 mdb18',
  'database-read-only': '25006 1836 READONLY EROFS ms978 ms3906 ora1456 ora16000 mdb189 mdb10107 mdb13435',
  'query-timeout': '57014 70100 25P04 3024 INTERRUPT ora1013 NJS-123 mdb50 mdb262 MongoOperationTimeoutError',
  'storage-full': '53100 1021 1114 FULL ENOSPC ms1105 ms9002 ora1536 ora1653 mdb14031',
};

const verdicts = new Map(
  Object.entries(NAMES).flatMap(([verdict, names]) => names.split(' ').map(name => [name, verdict as Verdict])),
);

/** The verdict on a name, or on the class of a SQLSTATE. */
export const verdictOn = (name: string): Verdict | undefined =>
  verdicts.get(name) ?? (name.length === 5 ? verdicts.get(name.slice(0, 2)) : undefined);
