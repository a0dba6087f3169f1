import type { OrmLike } from './orm-option.js';
import { isDatabaseSystemError } from './database-address.js';
import {
  clientVerdict,
  errnoVerdict,
  sqliteCodeName,
  sqliteVerdict,
  sqlStateVerdict,
  type Verdict,
} from './driver-codes.js';
import { classNames, readNumber, readText } from './safe-read.js';

/** Which driver speaks, and its code. The rest of an error is read by this, never by its class. */
export type DriverError =
  | { readonly kind: 'sqlite' | 'postgresql' | 'client'; readonly code: string }
  | { readonly kind: 'mysql'; readonly errno: number };

/**
 * Tells a driver's error by its shape. `converted` says that MikroORM made it a DriverException; without that, the
 * shape has to be one that only a database driver makes.
 */
export function recogniseDriverError(
  error: unknown,
  converted: boolean,
  orm: OrmLike | undefined,
): DriverError | undefined {
  const code = readText(error, 'code') ?? '';
  const errno = readNumber(error, 'errno') ?? 0;
  if (code.startsWith('SQLITE_')) {
    return { kind: 'sqlite', code };
  }
  if (code === 'ERR_SQLITE_ERROR') {
    return { kind: 'sqlite', code: sqliteCodeName(readNumber(error, 'errcode') ?? 0) };
  }
  if (errno > 0 && (readText(error, 'sqlState') !== undefined || code.startsWith('ER_'))) {
    return { kind: 'mysql', errno };
  }
  if (code.startsWith('PROTOCOL_') || code.startsWith('POOL_') || code.startsWith('HANDSHAKE_')) {
    return { kind: 'client', code };
  }
  if (clientVerdict(code) !== undefined) {
    return converted || isDatabaseSystemError(error, orm) ? { kind: 'client', code } : undefined;
  }
  if (/^[0-9A-Z]{5}$/.test(code) && (converted || readText(error, 'severity') !== undefined)) {
    return { kind: 'postgresql', code };
  }
  return undefined;
}

/** What the driver's code means. */
export function driverVerdict(driver: DriverError, error: unknown): Verdict {
  const internal: Verdict = { code: 'internal-error' };
  switch (driver.kind) {
    case 'sqlite':
      return (
        sqliteBusyVerdict(driver.code, error) ?? sqliteVerdict(driver.code) ?? sqliteMessageVerdict(error) ?? internal
      );
    case 'postgresql':
      return postgresqlVerdict(driver.code, error) ?? internal;
    case 'mysql':
      return mysqlVerdict(driver.errno, error) ?? internal;
    case 'client':
      return clientVerdict(driver.code) ?? { code: 'database-unavailable' };
  }
}

/** SQLite's messages are its own, in English and without values: `SQLITE_ERROR` and `SQLITE_CONSTRAINT` need them. */
const SQLITE_MESSAGES: readonly (readonly [RegExp, Verdict])[] = [
  [/\bUNIQUE constraint failed: /, { code: 'unique-violation' }],
  [/\bFOREIGN KEY constraint failed/, { code: 'reference-violation' }],
  [/\bNOT NULL constraint failed: /, { code: 'required' }],
  [/\bCHECK constraint failed: /, { code: 'check-violation' }],
  [/^no such column: NaN$/, { code: 'invalid-value' }], // MikroORM writes an invalid Date as NaN
  [/^unrecognized token: "'/, { code: 'invalid-value' }], // a text with a NUL byte ends the statement early
];

const sqliteMessageVerdict = (error: unknown): Verdict | undefined => {
  const message = readText(error, 'message') ?? '';
  return SQLITE_MESSAGES.find(([pattern]) => pattern.test(message))?.[1];
};

function sqliteBusyVerdict(code: string, error: unknown): Verdict | undefined {
  // Not a lock: a statement of this very connection is still open (libsql, after a failed deferred check).
  const open = code === 'SQLITE_BUSY' && readText(error, 'message')?.startsWith('cannot commit transaction');
  return open ? { code: 'internal-error' } : undefined;
}

function postgresqlVerdict(state: string, error: unknown): Verdict | undefined {
  if (state === '23503') {
    return { code: referenceEnd(error) };
  }
  if (state === '42501') {
    // Message and severity are translated, the server's routine is not.
    const denied =
      readText(error, 'routine') === 'ExecWithCheckOptions' ||
      classNames(error).includes('RowLevelSecurityViolationException');
    return denied ? { code: 'forbidden' } : undefined;
  }
  if (state === '08P01' && readText(error, 'file') === 'pqformat.c') {
    return { code: 'invalid-value' }; // a NUL byte cuts the message to the server short
  }
  return sqlStateVerdict(state);
}

/**
 * Which end of a foreign key is wrong. The message names two things (table and constraint) when the parent is missing,
 * three (parent, constraint, child) when children exist, in every language; quotes differ, their number does not.
 */
function referenceEnd(error: unknown): 'reference-not-found' | 'resource-in-use' | 'reference-violation' {
  const head = (readText(error, 'message') ?? '').split('\n', 1)[0] ?? '';
  const quotes = head.match(/["„“”«»]/g)?.length;
  return quotes === 4 ? 'reference-not-found' : quotes === 6 ? 'resource-in-use' : 'reference-violation';
}

function mysqlVerdict(errno: number, error: unknown): Verdict | undefined {
  const message = (readText(error, 'sqlMessage') ?? readText(error, 'message') ?? '').slice(0, 2_000);
  if (errno === 1290) {
    return /--(?:super-)?read[-_]only\b/.test(message) ? { code: 'database-read-only' } : undefined;
  }
  if (errno === 4025 && /`(?:[^`]|``)+\.(?:[^`]|``)+` /.test(message)) {
    return { code: 'invalid-value' }; // MariaDB checks JSON columns by a constraint named table.column
  }
  return errnoVerdict(errno) ?? sqlStateVerdict(readText(error, 'sqlState') ?? '');
}
