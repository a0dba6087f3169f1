import { read } from '../error-fields.js';
import { verdictIn, type VerdictTable } from '../verdict.js';
import type { Clue, DriverErrors } from './driver.js';

/** Codes of the server. */
const CODES: VerdictTable = {
  11000: 'unique-violation',
  121: 'check-violation', // document failed validation
  112: 'transaction-conflict',
  251: 'transaction-conflict',
  24: 'lock-timeout',
  6: 'database-unavailable',
  91: 'database-unavailable',
  11600: 'database-unavailable',
  18: 'misconfigured',
  189: 'database-read-only',
  10107: 'database-read-only',
  13435: 'database-read-only',
  50: 'query-timeout',
  262: 'query-timeout',
  14031: 'storage-full',
};

/** MongoDB, by its own driver. */
export const mongodb: DriverErrors = {
  scheme: 'mongodb',

  recognises: error => Boolean(read(error, 'errorLabelSet')),

  verdict: ({ code }) => verdictIn(CODES, code), // where it has no number, its cause may say more

  /** `… collection: app.users index: email_1 dup key: …`; the driver has the index's keys, too. */
  clues({ message }, _, error): Clue[] {
    const [, table] = / collection: [^.\s]+\.(\S+) index: /.exec(message) ?? [];
    return [{ table, columns: Object.keys(read(error, 'keyPattern') ?? {}) }];
  },

  uncoded: [],

  classes: {
    MongoWaitQueueTimeoutError: 'database-overloaded',
    MongoNetworkError: 'database-unavailable',
    MongoServerSelectionError: 'database-unavailable',
    MongoTopologyClosedError: 'database-unavailable',
    MongoOperationTimeoutError: 'query-timeout',
  },
};
