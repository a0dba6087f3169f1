import type { Verdict } from './driver-codes.js';
import { read, readText } from './safe-read.js';

/** Errors of drivers and of kysely that have no code: their sentences, as they stand in the sources. */
const SENTENCES: readonly (readonly [RegExp, Verdict])[] = [
  // pg and pg-pool
  [/^Connection terminated(?: unexpectedly| due to connection timeout)?$/, { code: 'database-unavailable' }],
  [/^Client (?:has encountered a connection error|was closed) and is not queryable$/, { code: 'database-unavailable' }],
  [/^Cannot use a pool after calling end on the pool$/, { code: 'database-unavailable' }],
  [/^timeout exceeded when trying to connect$/, { code: 'database-overloaded' }],
  [/^Query read timeout$/, { code: 'query-timeout' }],
  [/^The server does not support SSL connections$/, { code: 'database-unavailable', permanent: true }],
  // mysql2
  [/^Can't (?:add new command when connection is|write) in closed state$/, { code: 'database-unavailable' }],
  [/^Pool is closed\.$/, { code: 'database-unavailable' }],
  [/^(?:Queue limit reached|No connections available)\.$/, { code: 'database-overloaded' }],
  // kysely, after close()
  [/^driver has already been destroyed$/, { code: 'database-unavailable' }],
  // better-sqlite3, libsql, pglite
  [/^Cannot open database because the directory does not exist$/, { code: 'database-unavailable', permanent: true }],
  [/^The database connection is not open$/, { code: 'database-unavailable' }],
  [/^ConnectionFailed\("/, { code: 'database-unavailable', permanent: true }],
  [/^Hrana\(Http\("error trying to connect/, { code: 'database-unavailable' }],
  [/^Hrana\(StreamClosed\("/, { code: 'database-unavailable' }],
  [/^PGlite is clos(?:ed|ing)$/, { code: 'database-unavailable' }],
  [/^Streaming is not supported by PGlite\.$/, { code: 'internal-error' }],
];

/** What an error without a code says, if the sentence is one that only a database driver writes. */
export function sentenceVerdict(error: unknown, converted: boolean): Verdict | undefined {
  const message = readText(error, 'message') ?? '';
  if (converted && message === 'Invalid time value') {
    return { code: 'invalid-value' }; // a Date that is none, in pg's serialisation
  }
  return SENTENCES.find(([pattern]) => pattern.test(message))?.[1];
}

/**
 * A signal that somebody gave to MikroORM fired: kysely marks the error with when it did, and the class is lost. Without
 * that signal at hand only the runtime's own words tell a time limit from a caller who left.
 */
export function abortVerdict(error: unknown): Verdict | undefined {
  if (readText(error, '__kysely_timing__') === undefined) {
    return undefined;
  }
  const timeout = readText(error, 'message') === 'The operation was aborted due to timeout';
  return { code: timeout || read(error, 'name') === 'TimeoutError' ? 'query-timeout' : 'request-cancelled' };
}
