import { verdictIn, type Verdict, type VerdictTable } from '../verdict.js';
import type { Clue, DriverErrors } from './driver.js';

/** Codes of Oracle Database, and of its driver (`NJS-`), written as in their documentation. */
const CODES: VerdictTable = {
  'ORA-00001': 'unique-violation',
  'ORA-02292': 'resource-in-use',
  'ORA-02291': 'reference-not-found',
  'ORA-01400': 'required',
  'ORA-01407': 'required',
  'ORA-02290': 'check-violation',
  'ORA-01438': 'invalid-value',
  'ORA-01722': 'invalid-value',
  'ORA-01861': 'invalid-value',
  'ORA-12899': 'invalid-value',
  'ORA-28115': 'forbidden', // a policy's check option
  'ORA-00060': 'transaction-conflict',
  'ORA-08177': 'transaction-conflict',
  'ORA-00054': 'lock-timeout',
  'ORA-00018': 'database-overloaded',
  'ORA-02391': 'database-overloaded',
  'ORA-12516': 'database-overloaded',
  'ORA-12519': 'database-overloaded',
  'NJS-040': 'database-overloaded',
  'NJS-076': 'database-overloaded',
  'ORA-01033': 'database-unavailable',
  'ORA-01034': 'database-unavailable',
  'ORA-12170': 'database-unavailable',
  'ORA-12541': 'database-unavailable',
  'NJS-003': 'database-unavailable',
  'NJS-064': 'database-unavailable',
  'NJS-065': 'database-unavailable',
  'ORA-01017': 'misconfigured',
  'ORA-01045': 'misconfigured',
  'ORA-12154': 'misconfigured',
  'ORA-12514': 'misconfigured',
  'ORA-28000': 'misconfigured',
  'NJS-512': 'misconfigured',
  'NJS-513': 'misconfigured',
  'NJS-514': 'misconfigured',
  'NJS-515': 'misconfigured',
  'NJS-516': 'misconfigured',
  'NJS-517': 'misconfigured',
  'NJS-518': 'misconfigured',
  'NJS-519': 'misconfigured',
  'ORA-01456': 'database-read-only',
  'ORA-16000': 'database-read-only',
  'ORA-01013': 'query-timeout',
  'NJS-123': 'query-timeout',
  'ORA-01536': 'storage-full',
  'ORA-01653': 'storage-full',
};

/** Groups of codes, of what is not listed. */
const CODE_GROUPS: VerdictTable = {
  'NJS-5': 'database-unavailable', // the connection: it may stand in front of a server's code
};

/** Oracle Database, by oracledb. */
export const oracle: DriverErrors = {
  scheme: 'oracledb',

  recognises: (_, { code }) => /^(?:ORA|NJS)-\d+$/.test(code),

  verdict({ code, errorNum }): Verdict {
    const full = code.startsWith('ORA') && errorNum ? `ORA-${errorNum.padStart(5, '0')}` : code;
    return verdictIn(CODES, full) ?? verdictIn(CODE_GROUPS, full.slice(0, 5)) ?? 'internal-error';
  },

  /** `(APP.users_email_unique)`, `("APP"."users"."age")`. Values come later. */
  clues({ errorNum, message }, verdict): Clue[] {
    const [first, table, column] = message.match(/[^"'().\s]+(?=["')])/g) ?? [];
    if (verdict === 'required' || errorNum === '12899') {
      return [{ table, columns: column ? [column] : undefined }];
    }
    return /violation|reference|in-use/.test(verdict) ? [{ constraint: first }, { constraint: table }] : [];
  },

  uncoded: [],
};
