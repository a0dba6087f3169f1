import type { ErrorFields } from '../error-fields.js';
import { verdictIn, type Verdict, type VerdictTable } from '../verdict.js';
import type { Clue, DriverErrors } from './driver.js';

/** Result codes, without what an extended one adds: `SQLITE_BUSY` stands for `SQLITE_BUSY_SNAPSHOT`, too. */
const CODES: VerdictTable = {
  SQLITE_BUSY: 'lock-timeout',
  SQLITE_LOCKED: 'lock-timeout',
  SQLITE_MISMATCH: 'invalid-value',
  SQLITE_TOOBIG: 'invalid-value',
  SQLITE_NOMEM: 'database-overloaded',
  SQLITE_CANTOPEN: 'database-unavailable',
  SQLITE_IOERR: 'database-unavailable',
  SQLITE_READONLY: 'database-read-only',
  SQLITE_INTERRUPT: 'query-timeout',
  SQLITE_FULL: 'storage-full',
};

/** Extended codes of constraints. */
const CONSTRAINT_CODES: VerdictTable = {
  SQLITE_CONSTRAINT_UNIQUE: 'unique-violation',
  SQLITE_CONSTRAINT_PRIMARYKEY: 'unique-violation',
  SQLITE_CONSTRAINT_ROWID: 'unique-violation',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'reference-violation',
  SQLITE_CONSTRAINT_NOTNULL: 'required',
  SQLITE_CONSTRAINT_CHECK: 'check-violation',
  SQLITE_CONSTRAINT_DATATYPE: 'invalid-value',
};

/** `UNIQUE constraint failed: …`: the kind, where the code is a general one (libSQL, node:sqlite). */
const CONSTRAINT_KINDS: VerdictTable = {
  UNIQUE: 'unique-violation',
  'FOREIGN KEY': 'reference-violation',
  'NOT NULL': 'required',
  CHECK: 'check-violation',
};

/** SQLite, libSQL, node:sqlite. Messages are in English and without values, so that they may decide, too. */
export const sqlite: DriverErrors = {
  scheme: '',

  recognises: (_, { code }) => /^(?:ERR_)?SQLITE_/.test(code),

  verdict: fields => sqliteVerdict(fields) ?? 'internal-error',

  /** `UNIQUE constraint failed: users.first_name, users.last_name`, `… index 'name'`, `CHECK constraint failed: age > 0`. */
  clues({ message }, verdict): Clue[] {
    const [, index, text = ''] = /\b[A-Z]+ constraint failed: (?:index '(.+)'|(.+))$/s.exec(message) ?? [];
    const [table = ''] = text.split('.');
    return index || verdict === 'check-violation'
      ? [{ constraint: index ?? text }]
      : [{ table, columns: text.split(', ').map(name => name.replace(`${table}.`, '')) }];
  },

  // id > (1, 2), id > ()
  refusesComparison: ({ message }) => message === 'row value misused' || message === 'near ")": syntax error',

  uncoded: [
    { begins: /^The database connection is not/, verdict: 'database-unavailable', ambiguous: true }, // better-sqlite3
    { begins: /^Cannot open database because/, verdict: 'misconfigured' }, // better-sqlite3
    { begins: /^ConnectionFailed\("/, verdict: 'misconfigured' }, // libSQL
    { begins: /^Hrana\((?:Http\("error trying to connect|StreamClosed)/, verdict: 'database-unavailable' }, // libSQL
  ],
};

function sqliteVerdict({ code, message }: ErrorFields): Verdict | undefined {
  if (/^no such column: -?(?:NaN|Infinity)\b/.test(message)) {
    return 'invalid-value'; // MikroORM writes such a number as it is
  }
  if (message.startsWith('unrecognized token: "\'')) {
    return 'invalid-value'; // a NUL byte ends a statement early
  }
  if (message.startsWith('cannot commit transaction')) {
    return undefined; // not a lock: a statement of this very connection is open (libSQL, after a failed deferred check)
  }
  const [primary = ''] = /^SQLITE_[A-Z]+/.exec(code) ?? [];
  const [, kind = ''] = /\b(UNIQUE|FOREIGN KEY|NOT NULL|CHECK) constraint failed/.exec(message) ?? [];
  return verdictIn(CONSTRAINT_CODES, code) ?? verdictIn(CODES, primary) ?? verdictIn(CONSTRAINT_KINDS, kind);
}
