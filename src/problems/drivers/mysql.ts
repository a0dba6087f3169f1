import type { ErrorFields } from '../error-fields.js';
import { verdictIn, type Verdict, type VerdictTable } from '../verdict.js';
import type { Clue, DriverErrors } from './driver.js';

/** Numbers of MySQL and MariaDB. They decide: mysql2 knows MySQL's names only, and gives MariaDB's errors wrong ones. */
const CODES: VerdictTable = {
  1062: 'unique-violation',
  1586: 'unique-violation',
  1761: 'unique-violation',
  1762: 'unique-violation',
  1217: 'resource-in-use',
  1451: 'resource-in-use',
  1216: 'reference-not-found',
  1452: 'reference-not-found',
  1048: 'required',
  1263: 'required',
  1364: 'required',
  1369: 'check-violation', // a view's check option
  3819: 'check-violation',
  4025: 'check-violation', // MariaDB
  1153: 'invalid-value', // larger than max_allowed_packet
  1265: 'invalid-value',
  1292: 'invalid-value',
  1300: 'invalid-value',
  1366: 'invalid-value',
  1525: 'invalid-value',
  1213: 'transaction-conflict',
  1020: 'transaction-conflict', // MariaDB: record has changed since last read
  1205: 'lock-timeout',
  3572: 'lock-timeout',
  1040: 'database-overloaded',
  1041: 'database-overloaded',
  1135: 'database-overloaded',
  1203: 'database-overloaded',
  1226: 'database-overloaded',
  1053: 'database-unavailable', // shutdown
  1927: 'database-unavailable', // MariaDB: connection was killed
  4031: 'database-unavailable', // MySQL: disconnected after inactivity
  1044: 'misconfigured',
  1045: 'misconfigured',
  1049: 'misconfigured',
  1129: 'misconfigured', // host is blocked
  1130: 'misconfigured', // host is not allowed
  1862: 'misconfigured', // password expired
  3118: 'misconfigured', // account is locked
  3159: 'misconfigured', // requires secure transport
  4151: 'misconfigured', // MariaDB: account is locked
  1792: 'database-read-only',
  1836: 'database-read-only',
  1317: 'query-timeout', // interrupted
  1969: 'query-timeout', // MariaDB: max_statement_time
  3024: 'query-timeout', // MySQL: max_execution_time
  1021: 'storage-full',
  1114: 'storage-full',
  167: 'internal-error', // MariaDB: the counter of an AUTO_INCREMENT is used up, and its SQLSTATE is that of a value
};

/**
 * SQLSTATEs, of errors whose number is not listed. Of class 22 only those that a value of the client causes: 22012, say,
 * is a division that the application wrote.
 */
const SQLSTATES: VerdictTable = {
  22001: 'invalid-value', // too long
  22003: 'invalid-value', // out of range
  22007: 'invalid-value', // date
  22008: 'invalid-value', // date out of range
  22018: 'invalid-value', // cast
  22032: 'invalid-value', // JSON
  40001: 'transaction-conflict',
  70100: 'query-timeout',
};

/** Classes of SQLSTATEs. */
const SQLSTATE_CLASSES: VerdictTable = {
  '08': 'database-unavailable',
  '28': 'misconfigured',
};

/** … (`app`.`users`, CONSTRAINT `users_org_id_foreign` FOREIGN KEY … */
const FOREIGN_KEY = /`(?<table>[^`]+)`, CONSTRAINT `(?<constraint>[^`]+)` FOREIGN KEY/;

/** Where MySQL and MariaDB name something, in every language; what else they quote is a value, which a client can forge. */
const NAMES: Partial<Record<Verdict, RegExp>> = {
  // Duplicate entry 'value' for key 'users_email_unique'
  'unique-violation': /'(?<constraint>[^']+)'[^']*$/,
  // Column 'age' cannot be null
  required: /'(?<column>[^']+)'/,
  // … for column 'age' at row 1, … for column `app`.`users`.`age` at row 1, and for JSON as a check
  'invalid-value':
    /(?:`(?<table>[^`]+)`\.`(?<column>[^`]+)`|'(?<quoted>[^'`]+)') [^'`]*\d+$|^CONSTRAINT `(?<constraint>[^`]+)/,
  'resource-in-use': FOREIGN_KEY,
  'reference-not-found': FOREIGN_KEY,
  // Check constraint 'users_age_check' is violated, CONSTRAINT `users_age_check` failed
  'check-violation': /[`'](?<constraint>[^`']+)/,
};

/** MySQL and MariaDB, by mysql2. */
export const mysql: DriverErrors = {
  scheme: 'mysql',

  recognises: (_, { code, errno, sqlState, fatal }, converted) =>
    (/^\d+$/.test(errno) && (sqlState !== '' || code.startsWith('ER_'))) ||
    code === 'PROTOCOL_SEQUENCE_TIMEOUT' ||
    (code.startsWith('PROTOCOL_') && (converted || fatal === 'true')), // of mysql2 itself: the connection is lost

  verdict: fields => mysqlVerdict(fields) ?? 'internal-error',

  clues({ errno, message, sql }, verdict): Clue[] {
    if (errno === '') {
      return []; // of mysql2, which names nothing
    }
    // The table that the statement writes to: its name comes before any value.
    const [, written] =
      /^\s*(?:insert|replace|update)(?:\s+ignore)?(?:\s+into)?\s+(?:`?[^`\s.]+`?\.)?`?([^`\s.(]+)/i.exec(sql) ?? [];
    const { table = written, constraint, quoted, column = quoted } = NAMES[verdict]?.exec(message)?.groups ?? {};
    // MySQL 8 writes `users.users_email_unique`, MariaDB `users.payload` for its own check of a JSON column.
    const [owner, part] = constraint?.split('.') ?? [];
    return [
      { table, constraint, columns: column ? [column] : undefined },
      ...(part ? [{ table: owner, constraint: part, columns: [part] }] : []),
    ];
  },

  // id > (1, 2): 4078 of MariaDB, 1241 of MySQL; id > (): a syntax error, which only the statement tells apart
  refusesComparison: ({ errno, sql }) => /^(?:4078|1241)$/.test(errno) || (errno === '1064' && /[<>]=? \(\)/.test(sql)),

  uncoded: [
    { begins: /^Can't .+ in closed state$/, verdict: 'database-unavailable', ambiguous: true },
    { begins: /^Pool is closed\.$/, verdict: 'database-unavailable', ambiguous: true },
    { begins: /^(?:Queue limit reached|No connections available)\.$/, verdict: 'database-overloaded', ambiguous: true },
  ],

  connectionCodes: {
    HANDSHAKE_NO_SSL_SUPPORT: 'misconfigured',
    HANDSHAKE_SSL_ERROR: 'misconfigured',
    HANDSHAKE_UNKNOWN_ERROR: 'misconfigured',
    AUTH_SWITCH_PLUGIN_ERROR: 'misconfigured',
  },
};

function mysqlVerdict({ code, errno, sqlState, message }: ErrorFields): Verdict | undefined {
  if (code.startsWith('PROTOCOL_')) {
    return code === 'PROTOCOL_SEQUENCE_TIMEOUT' ? 'query-timeout' : 'database-unavailable';
  }
  if (/^(?:Unknown column '|Undeclared variable: )-?(?:NaN|Infinity)\b/i.test(message)) {
    return 'invalid-value'; // MikroORM writes such a number as it is
  }
  if (errno === '1290' && /--(?:super-)?read[-_]only\b/.test(message)) {
    return 'database-read-only';
  }
  if (errno === '4025' && /`[^`]+\.[^`]+` /.test(message)) {
    return 'invalid-value'; // MariaDB checks JSON columns by a constraint named table.column
  }
  return verdictIn(CODES, errno) ?? verdictIn(SQLSTATES, sqlState) ?? verdictIn(SQLSTATE_CLASSES, sqlState.slice(0, 2));
}
