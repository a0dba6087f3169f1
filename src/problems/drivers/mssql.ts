import type { ErrorFields } from '../error-fields.js';
import { verdictIn, type Verdict, type VerdictTable } from '../verdict.js';
import type { Clue, DriverErrors } from './driver.js';

/** Numbers of Microsoft SQL Server. */
const CODES: VerdictTable = {
  2601: 'unique-violation',
  2627: 'unique-violation',
  4712: 'resource-in-use', // TRUNCATE
  515: 'required',
  220: 'invalid-value',
  241: 'invalid-value',
  245: 'invalid-value',
  2628: 'invalid-value',
  8114: 'invalid-value',
  8152: 'invalid-value',
  33504: 'forbidden', // row-level security
  1205: 'transaction-conflict',
  3960: 'transaction-conflict',
  1222: 'lock-timeout',
  10928: 'database-overloaded',
  596: 'database-unavailable',
  40197: 'database-unavailable',
  40613: 'database-unavailable',
  916: 'misconfigured',
  4060: 'misconfigured',
  18456: 'misconfigured',
  978: 'database-read-only',
  3906: 'database-read-only',
  1105: 'storage-full',
  9002: 'storage-full',
};

/** What 547 is about: a keyword in its message, which is not translated. */
const CONFLICT_KEYWORDS: VerdictTable = {
  CHECK: 'check-violation',
  FOREIGN: 'reference-not-found',
  REFERENCE: 'resource-in-use',
};

/** tedious, under the same code as a connection that took too long. */
const isRequestTimeout = ({ code, message }: ErrorFields): boolean =>
  code === 'ETIMEOUT' && /^Timeout: Request failed to complete in \d+ms$/.test(message);

/** Microsoft SQL Server, by tedious. */
export const mssql: DriverErrors = {
  scheme: 'mssql',

  recognises: (_, fields, converted) =>
    (fields.code === 'EREQUEST' && fields.number !== '') ||
    isRequestTimeout(fields) ||
    (converted && fields.code === 'EPARAM'),

  verdict(fields): Verdict {
    if (isRequestTimeout(fields)) {
      return 'query-timeout';
    }
    if (fields.code === 'EPARAM') {
      return 'invalid-value'; // tedious refuses the value of a parameter
    }
    const { number, message } = fields;
    const [, keyword = ''] = (number === '547' && /^[^"]*?(CHECK|FOREIGN|REFERENCE)\b/.exec(message)) || [];
    return verdictIn(CONFLICT_KEYWORDS, keyword) ?? verdictIn(CODES, number) ?? 'internal-error';
  },

  /**
   * `… UNIQUE KEY constraint 'users_email_unique'. … in object 'dbo.users'`, `… key row in object 'dbo.users' with unique
   * index 'users_email_unique'`, `… NULL into column 'age', table 'app.dbo.users'`, `… truncated in table
   * 'app.dbo.users', column 'name'`. Values come later.
   */
  clues({ number, message }, verdict): Clue[] {
    const [first, second] = message.match(/[^"'().\s]+(?=["')])/g) ?? [];
    if (verdict === 'required') {
      return [{ table: second, columns: first ? [first] : undefined }];
    }
    if (number === '2628') {
      return [{ table: first, columns: second ? [second] : undefined }];
    }
    return /violation|reference|in-use/.test(verdict) ? [{ constraint: first }, { constraint: second }] : [];
  },

  uncoded: [
    // tarn, the pool of Kysely's dialect
    { begins: /^operation timed out for an unknown reason$/, verdict: 'database-overloaded' },
  ],

  connectionCodes: {
    ESOCKET: 'database-unavailable',
    ECLOSE: 'database-unavailable',
    ETIMEOUT: 'database-unavailable',
    EINSTLOOKUP: 'database-unavailable',
    ELOGIN: 'misconfigured',
    EFEDAUTH: 'misconfigured',
    EENCRYPT: 'misconfigured',
  },
};
