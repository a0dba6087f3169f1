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

const CLOUDFLARE_TIMEOUT = /^(?:D1_\w+: )?(?:D1 DB|Durable Object) exceeded its CPU time limit\b/;
const CLOUDFLARE_FULL = /^(?:D1_\w+: )?(?:Exceeded maximum DB size|Your account has exceeded D1's maximum)\b/;
/** A commit may have gone through. */
const CLOUDFLARE_RESET =
  /^(?:D1_\w+: )?(?=.*(?:D1 DB|Durable Object))(?:.*caused object to be reset|.*reset because its code was updated|.*memory limit and was reset|.*code has been updated, this version can no longer access storage|Cannot resolve D1 DB)\b/;

type CodeAndMessage = Pick<ErrorFields, 'code' | 'message'>;

/**
 * What SQLite said. D1 and Durable Objects give their errors no code: it ends the message, `D1_ERROR: UNIQUE constraint
 * failed: user.email: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)`, behind the place in the statement.
 */
function saidBySqlite({ code, message }: ErrorFields): CodeAndMessage {
  const [, text, primary = '', extended] =
    (code === '' && /^(?:D1_\w+: )?(.*): (SQLITE_[A-Z]+)(?: \(extended: (SQLITE_\w+)\))?$/s.exec(message)) || [];
  return text === undefined
    ? { code, message }
    : { code: extended ?? primary, message: text.replace(/ at offset \d+$/, '') };
}

/** SQLite, libSQL, node:sqlite, D1, Durable Objects. Messages are in English and without values, so that they may decide, too. */
export const sqlite: DriverErrors = {
  scheme: '',

  recognises: (_, fields) => /^(?:ERR_)?SQLITE_/.test(saidBySqlite(fields).code),

  verdict: fields => sqliteVerdict(saidBySqlite(fields)) ?? 'internal-error',

  /** `UNIQUE constraint failed: users.first_name, users.last_name`, `… index 'name'`, `CHECK constraint failed: age > 0`. */
  clues(fields, verdict): Clue[] {
    const { message } = saidBySqlite(fields);
    const [, index, text = ''] = /\b[A-Z]+ constraint failed: (?:index '(.+)'|(.+))$/s.exec(message) ?? [];
    const [table = ''] = text.split('.');
    return index || verdict === 'check-violation'
      ? [{ constraint: index ?? text }]
      : [{ table, columns: text.split(', ').map(name => name.replace(`${table}.`, '')) }];
  },

  // id > (1, 2), id > ()
  refusesComparison: fields => ['row value misused', 'near ")": syntax error'].includes(saidBySqlite(fields).message),

  uncoded: [
    { begins: /^The database connection is not/, verdict: 'database-unavailable', ambiguous: true }, // better-sqlite3
    { begins: /^Cannot open database because/, verdict: 'misconfigured' }, // better-sqlite3
    { begins: /^ConnectionFailed\("/, verdict: 'misconfigured' }, // libSQL
    // D1 and Durable Objects, behind a prefix of D1: of Cloudflare's documentation
    { begins: /^(?:D1_\w+: )?(?:D1 DB|Durable Object) is overloaded\b/, verdict: 'database-overloaded' },
    { begins: CLOUDFLARE_TIMEOUT, verdict: 'query-timeout' },
    { begins: CLOUDFLARE_FULL, verdict: 'storage-full' },
    { begins: CLOUDFLARE_RESET, verdict: 'database-unavailable' },
    { begins: /^D1_\w+: Network connection lost\b/, verdict: 'database-unavailable' },
    { begins: /^D1_\w+: /, verdict: 'internal-error' }, // the rest of D1's
    { begins: /^Hrana\((?:Http\("error trying to connect|StreamClosed)/, verdict: 'database-unavailable' }, // libSQL
  ],
};

function sqliteVerdict({ code, message }: CodeAndMessage): Verdict | undefined {
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
