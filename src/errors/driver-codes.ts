import type { OrmProblemCode } from './problem.js';

/** What an error is, before it becomes a problem. */
export interface Verdict {
  readonly code: OrmProblemCode;
  /** Waiting does not help (a wrong password, an unknown database): no Retry-After. */
  readonly permanent?: boolean | undefined;
}

type CodeTable = Readonly<Partial<Record<OrmProblemCode, readonly (string | number)[]>>>;

/** SQLSTATE of PostgreSQL and pglite. Two characters stand for a whole class, five go first. */
const SQLSTATE: CodeTable = {
  'unique-violation': ['23505'],
  'exclusion-violation': ['23P01'],
  'resource-in-use': ['23001'],
  'reference-violation': ['23503'], // which end is missing, its message tells
  required: ['23502'],
  'check-violation': ['23514', '44000'],
  'invalid-value': ['22', '54000'], // 54000: an index entry of this length does not fit a page
  'transaction-conflict': ['40', '72000'],
  'lock-timeout': ['55P03'],
  'database-overloaded': ['53', '53300', '53400'],
  'database-unavailable': ['08', '57P01', '57P02', '57P03', '57P05', '25P03', '58', '28', '3D000', '57P04'],
  'database-read-only': ['25006'],
  'query-timeout': ['57014', '70100', '25P04'], // 70100: MySQL's, for errnos that the table below lacks
  'storage-full': ['53100'],
};

/** Error numbers of MySQL and MariaDB, servers and clients. Read `errno`: mysql2's `code` is wrong for MariaDB's. */
const MYSQL: CodeTable = {
  'unique-violation': [1022, 1062, 1169, 1557, 1569, 1586, 1761, 1762, 1859],
  'resource-in-use': [1217, 1451],
  'reference-not-found': [1216, 1452],
  required: [1048, 1263, 1364],
  'check-violation': [1369, 3819, 4025],
  'invalid-value': [
    1153, 1264, 1265, 1292, 1300, 1365, 1366, 1367, 1406, 1411, 1416, 1425, 1441, 1525, 1690, 3140, 3155, 3156, 3903,
    4078,
  ],
  'transaction-conflict': [1020, 1213, 1402, 1613, 1614, 3058, 3101],
  'lock-timeout': [1205, 3572],
  'database-overloaded': [1037, 1038, 1040, 1041, 1135, 1203, 1226],
  'database-unavailable': [
    1042, 1043, 1044, 1045, 1047, 1049, 1053, 1077, 1079, 1080, 1129, 1130, 1152, 1158, 1159, 1160, 1161, 1184, 1251,
    1698, 1862, 1927, 2002, 2003, 2005, 2006, 2013, 2055, 3118, 3159, 3169, 4031, 4151,
  ],
  'database-read-only': [1792, 1836],
  'query-timeout': [1028, 1317, 1969, 3024],
  'storage-full': [3, 1021, 1026, 1114, 1878],
};

/** Result codes of SQLite, by the name that better-sqlite3 and libsql give; a prefix stands for its extended codes. */
const SQLITE: CodeTable = {
  'unique-violation': ['SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY', 'SQLITE_CONSTRAINT_ROWID'],
  'reference-violation': ['SQLITE_CONSTRAINT_FOREIGNKEY'],
  required: ['SQLITE_CONSTRAINT_NOTNULL'],
  'check-violation': ['SQLITE_CONSTRAINT_CHECK'],
  'invalid-value': ['SQLITE_CONSTRAINT_DATATYPE', 'SQLITE_MISMATCH', 'SQLITE_TOOBIG'],
  'lock-timeout': ['SQLITE_BUSY', 'SQLITE_LOCKED', 'SQLITE_PROTOCOL'],
  'database-overloaded': ['SQLITE_NOMEM'],
  'database-unavailable': ['SQLITE_CANTOPEN', 'SQLITE_IOERR'],
  'database-read-only': ['SQLITE_READONLY'],
  'query-timeout': ['SQLITE_INTERRUPT'],
  'storage-full': ['SQLITE_FULL'],
};

/** Codes that mysql2, pg and Node give themselves, when they are known to speak about a database. */
const CLIENT: CodeTable = {
  'database-unavailable': [
    'ECONNREFUSED',
    'ECONNRESET',
    'ECONNABORTED',
    'ETIMEDOUT',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EHOSTDOWN',
    'ENETDOWN',
    'EADDRNOTAVAIL',
    'EPIPE',
    'ENOENT',
    'EACCES',
    'PROTOCOL_CONNECTION_LOST',
    'PROTOCOL_ENQUEUE_AFTER_QUIT',
    'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
    'POOL_CLOSED',
    'POOL_NOEXIST',
    'POOL_NONEONLINE',
    'HANDSHAKE_NO_SSL_SUPPORT',
    'HANDSHAKE_SSL_ERROR',
    'AUTH_SWITCH_PLUGIN_ERROR',
    'CERT_HAS_EXPIRED',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ],
  'database-overloaded': ['EMFILE', 'ENFILE', 'POOL_NOCONNLIMIT', 'POOL_ENQUEUELIMIT'],
  'database-read-only': ['EROFS'],
  'query-timeout': ['PROTOCOL_SEQUENCE_TIMEOUT'],
  'storage-full': ['ENOSPC', 'EDQUOT'],
};

/** Somebody has to change a setting first. */
const PERMANENT = new Set<string | number>([
  '28',
  '3D000',
  '57P04',
  1044,
  1045,
  1049,
  1129,
  1130,
  1251,
  1698,
  1862,
  3118,
  3159,
  4151,
  'HANDSHAKE_NO_SSL_SUPPORT',
  'HANDSHAKE_SSL_ERROR',
  'AUTH_SWITCH_PLUGIN_ERROR',
  'CERT_HAS_EXPIRED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'EACCES',
]);

/** SQLite's extended result codes as numbers: node:sqlite's `errcode`. */
const SQLITE_NUMBERS: Readonly<Record<number, string>> = {
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  7: 'SQLITE_NOMEM',
  8: 'SQLITE_READONLY',
  9: 'SQLITE_INTERRUPT',
  10: 'SQLITE_IOERR',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  15: 'SQLITE_PROTOCOL',
  18: 'SQLITE_TOOBIG',
  20: 'SQLITE_MISMATCH',
  275: 'SQLITE_CONSTRAINT_CHECK',
  787: 'SQLITE_CONSTRAINT_FOREIGNKEY',
  1299: 'SQLITE_CONSTRAINT_NOTNULL',
  1555: 'SQLITE_CONSTRAINT_PRIMARYKEY',
  2067: 'SQLITE_CONSTRAINT_UNIQUE',
  2579: 'SQLITE_CONSTRAINT_ROWID',
  3091: 'SQLITE_CONSTRAINT_DATATYPE',
};

const lookup = (table: CodeTable): ReadonlyMap<string | number, Verdict> =>
  new Map(
    Object.entries(table).flatMap(([code, keys]) =>
      keys.map((key): [string | number, Verdict] => [
        key,
        { code: code as OrmProblemCode, permanent: PERMANENT.has(key) },
      ]),
    ),
  );

const bySqlState = lookup(SQLSTATE);
const byErrno = lookup(MYSQL);
const bySqlite = lookup(SQLITE);
const byClient = lookup(CLIENT);

/** The verdict on a SQLSTATE, by code and then by class. */
export const sqlStateVerdict = (state: string): Verdict | undefined =>
  bySqlState.get(state) ?? bySqlState.get(state.slice(0, 2));

/** The verdict on an error number of MySQL or MariaDB. */
export const errnoVerdict = (errno: number): Verdict | undefined => byErrno.get(errno);

/** The verdict on SQLite's code, extended (`SQLITE_BUSY_SNAPSHOT`) or not. */
export const sqliteVerdict = (code: string): Verdict | undefined =>
  bySqlite.get(code) ?? bySqlite.get(code.split('_').slice(0, 2).join('_'));

/** The name of SQLite's extended result code, for drivers that give the number; of its primary code otherwise. */
export const sqliteCodeName = (errcode: number): string =>
  SQLITE_NUMBERS[errcode] ?? SQLITE_NUMBERS[errcode & 0xff] ?? 'SQLITE_ERROR';

/** The verdict on a code of Node or of the driver itself, once the error is known to be a database's. */
export const clientVerdict = (code: string): Verdict | undefined => byClient.get(code);
