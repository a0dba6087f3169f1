import type { OrmLike } from '../orm-option.js';
import { isDatabaseSocket, NETWORK, SETTINGS } from '../network-errors.js';
import { read, type Thrown } from '../error-fields.js';
import { verdictOn, type Verdict } from '../verdict.js';

type Driver = 'sqlite' | 'mysql' | 'postgresql' | 'mssql' | 'oracle' | 'mongodb';

/** Which driver speaks, by the shape of its error and never by its class. */
export function driverOf(error: unknown, { code, errno, sqlState, number }: Thrown): Driver | undefined {
  return /^(?:ERR_)?SQLITE_/.test(code)
    ? 'sqlite'
    : /^\d+$/.test(errno) && (sqlState || code.startsWith('ER_'))
      ? 'mysql'
      : code === 'EREQUEST' && number
        ? 'mssql'
        : /^(?:ORA|NJS)-\d+$/.test(code)
          ? 'oracle'
          : read(error, 'errorLabelSet') // before PostgreSQL: its numbers may have five digits, too
            ? 'mongodb'
            : /^(?=.*\d)[0-9A-Z]{5}$/.test(code)
              ? 'postgresql'
              : undefined;
}

/** A number that is none, or an invalid Date: MikroORM writes it as it is, and databases take it for a name. */
const NO_NUMBER = /^(?:no such column: |column "|Unknown column '|Undeclared variable: )-?(?:NaN|Infinity)\b/i;

/**
 * What a driver's code means. `converted` says that MikroORM made a DriverException of the error; without that, its
 * shape has to be one that only a database driver makes.
 */
export function driverVerdict(
  error: unknown,
  thrown: Thrown,
  converted: boolean,
  orm: OrmLike | undefined,
): Verdict | undefined {
  const { code } = thrown;
  const driver = driverOf(error, thrown);
  if (driver === 'postgresql' && !converted && !thrown.severity) {
    return undefined;
  }
  if (driver && NO_NUMBER.test(thrown.message)) {
    return 'invalid-value';
  }
  switch (driver) {
    case 'sqlite':
      return sqliteVerdict(thrown) ?? 'internal-error';
    case 'mysql':
      return mysqlVerdict(thrown) ?? 'internal-error';
    case 'postgresql':
      // of an unknown code, the server's or a pooler's own way to write: a pooler says no routine
      return (
        postgresqlVerdict(thrown) ??
        (converted || thrown.routine || /^[A-Z]{4}/.test(thrown.severity) ? 'internal-error' : undefined)
      );
    case 'mssql':
      return mssqlVerdict(thrown) ?? 'internal-error';
    case 'oracle':
      return oracleVerdict(thrown) ?? 'internal-error';
    case 'mongodb':
      return verdictOn(`mdb${code}`); // where it has no number, its cause may say more
  }
  if (code === 'ETIMEOUT' && /^Timeout: Request failed to complete in \d+ms$/.test(thrown.message)) {
    return 'query-timeout'; // tedious, under the same code as a connection that took too long
  }
  if (code === 'PROTOCOL_SEQUENCE_TIMEOUT') {
    return 'query-timeout'; // mysql2
  }
  if (code.startsWith('PROTOCOL_')) {
    return converted || thrown.fatal === 'true' ? 'database-unavailable' : undefined;
  }
  const network = SETTINGS.test(code) ? 'misconfigured' : NETWORK.test(code) ? 'database-unavailable' : undefined;
  const verdict = network ?? verdictOn(code);
  // Files fail with codes of sockets, too (ENOENT, EACCES): under the name of another call.
  const socket = (network ?? thrown.syscall === 'connect') && isDatabaseSocket(error, thrown, orm);
  return converted || socket ? verdict : undefined;
}

/** SQLite's messages are its own, in English and without values: where the code is a general one, they tell. */
function sqliteVerdict({ code, message }: Thrown): Verdict | undefined {
  if (message.startsWith('unrecognized token: "\'')) {
    return 'invalid-value'; // a NUL byte ends a statement early
  }
  if (message.startsWith('cannot commit transaction')) {
    return undefined; // not a lock: a statement of this very connection is open (libsql, after a failed deferred check)
  }
  const [, result = ''] = /^SQLITE_(?:CONSTRAINT_)?([A-Z]+)/.exec(code) ?? [];
  const [, kind = ''] = /\b([A-Z ]+) constraint failed/.exec(message) ?? [];
  return verdictOn(result) ?? verdictOn(kind.replace(' ', ''));
}

/** mysql2's `code` is wrong for MariaDB's errors: the number counts. */
function mysqlVerdict({ errno, sqlState, message }: Thrown): Verdict | undefined {
  if (errno === '1290' && /--(?:super-)?read[-_]only\b/.test(message)) {
    return 'database-read-only';
  }
  if (errno === '4025' && /`[^`]+\.[^`]+` /.test(message)) {
    return 'invalid-value'; // MariaDB checks JSON columns by a constraint named table.column
  }
  return verdictOn(errno) ?? verdictOn(sqlState);
}

function postgresqlVerdict({ code, message, routine, file }: Thrown): Verdict | undefined {
  if (code === '23503') {
    // Which end of a foreign key is wrong: the message quotes two names (table, constraint) when the parent is missing,
    // three (parent, constraint, child) when children exist, in every language; the quotes differ, their number does not.
    const quotes = message.replace(/\n.*/s, '').match(/["„“”«»]/g)?.length;
    return quotes === 4 ? 'reference-not-found' : quotes === 6 ? 'resource-in-use' : 'reference-violation';
  }
  if (code === '42501' && routine === 'ExecWithCheckOptions') {
    return 'forbidden'; // row-level security: message and severity are translated, the routine is not
  }
  if (code === '22023' && file === 'guc.c') {
    return 'internal-error'; // not a row's value, but a session's: an unknown role, a setting
  }
  // a NUL byte cuts the message to the server short
  return code === '08P01' && file === 'pqformat.c' ? 'invalid-value' : verdictOn(code);
}

/** 547 stands for foreign keys and checks: a keyword, which is not translated, tells them apart. */
function mssqlVerdict({ number, message }: Thrown): Verdict | undefined {
  const [, keyword] = (number === '547' && /^[^"]*?(CHECK|FOREIGN|REFERENCE)\b/.exec(message)) || [];
  return verdictOn(keyword ?? `ms${number}`);
}

/** `ORA-00001` of the server; `NJS-500` of the driver, which may stand in front of a server's code. */
function oracleVerdict({ code, errorNum }: Thrown): Verdict | undefined {
  return /^NJS-51[2-9]/.test(code)
    ? 'misconfigured'
    : /^NJS-(?:003|06[45]|5)/.test(code)
      ? 'database-unavailable'
      : verdictOn(code.startsWith('N') ? code : `ora${errorNum || Number(code.slice(4))}`);
}
