import type { ErrorFields } from '../error-fields.js';
import { verdictIn, type Verdict, type VerdictTable } from '../verdict.js';
import type { Clue, DriverErrors } from './driver.js';

/** SQLSTATEs of https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SQLSTATES: VerdictTable = {
  '23505': 'unique-violation',
  '23P01': 'exclusion-violation',
  '23001': 'resource-in-use',
  '23503': 'reference-violation', // unless the message tells which end
  '23502': 'required',
  '23514': 'check-violation',
  '44000': 'check-violation', // a view's check option
  // Of class 22, what a value of the client causes. The rest is the application's or the server's: a division by zero
  // (22012), a malformed regexp (2201B), an exhausted sequence (2200H), a path into JSON that fits nothing (22035) …
  '22000': 'invalid-value', // bounds of a range in the wrong order
  '22001': 'invalid-value', // too long
  '22003': 'invalid-value', // out of range
  '22007': 'invalid-value', // date
  '22008': 'invalid-value', // date out of range
  '22009': 'invalid-value', // time zone
  '22015': 'invalid-value', // interval out of range
  '22018': 'invalid-value', // cast
  '22021': 'invalid-value', // not of the encoding
  '22023': 'invalid-value', // parameter: the name of a time zone, say; but see below
  '22025': 'invalid-value', // a search for `%\`
  '22026': 'invalid-value', // length of a bit string
  '2201W': 'invalid-value', // LIMIT
  '2201X': 'invalid-value', // OFFSET
  '2202E': 'invalid-value', // array
  '22030': 'invalid-value', // JSON: a key twice
  '22032': 'invalid-value', // JSON
  '22P02': 'invalid-value', // text of a type
  '22P03': 'invalid-value', // binary form of a type
  '22P05': 'invalid-value', // not of the encoding
  '2200L': 'invalid-value', // XML
  '2200M': 'invalid-value',
  '2200N': 'invalid-value',
  '54000': 'invalid-value', // too long for an index
  '40000': 'transaction-conflict',
  '40001': 'transaction-conflict',
  '40P01': 'transaction-conflict',
  '55P03': 'lock-timeout',
  '40003': 'database-unavailable', // CockroachDB: the commit may have gone through
  '57P01': 'database-unavailable',
  '57P02': 'database-unavailable',
  '57P03': 'database-unavailable',
  '57P05': 'database-unavailable',
  '25P03': 'database-unavailable', // idle in a transaction for too long
  '58000': 'database-unavailable',
  '58030': 'database-unavailable', // input or output
  '3D000': 'misconfigured',
  '57P04': 'misconfigured',
  '25006': 'database-read-only',
  '57014': 'query-timeout',
  '25P04': 'query-timeout', // transaction_timeout
  '53100': 'storage-full',
};

/** Classes of SQLSTATEs, of what is not listed. */
const SQLSTATE_CLASSES: VerdictTable = {
  '08': 'database-unavailable',
  '28': 'misconfigured',
  '53': 'database-overloaded',
};

/** PostgreSQL, PGlite, CockroachDB, and poolers in front of them. */
export const postgresql: DriverErrors = {
  scheme: 'postgresql',

  recognises: (_, fields, converted) =>
    /^(?=.*\d)[0-9A-Z]{5}$/.test(fields.code) && (converted || hasServerSeverity(fields)),

  verdict: fields => postgresqlVerdict(fields) ?? 'internal-error',

  clues({ code, schema, table, constraint, column, detail }, verdict): Clue[] {
    // `detail` begins with the key, `Key (first_name, "mixedCase", lower(email))=(`: what follows is the client's text.
    // But for a check and for not null it begins with the values of a row, and where children exist it is the parent's key.
    const [, key] =
      (/^23(?!502|514)/.test(code) && verdict !== 'resource-in-use' && /^[^(]*\((.*?)\)=\(/s.exec(detail)) || [];
    const columns = column ? [column] : key?.match(/(?:"[^"]*"|\(.*?\)|[^,"(])+/g)?.map(part => part.trim());
    return [
      { schema, table, constraint },
      { schema, table, columns: columns?.map(name => name.replace(/^"(.*)"$/, '$1')) },
    ];
  },

  // integer > boolean, integer > record, character varying > integer; id > (), id > [object Object]
  refusesComparison: ({ code, routine, message }) =>
    code === '42883'
      ? routine === 'op_error' && / [<>]=? (?:boolean|record|integer|bigint|numeric)\b/.test(message)
      : code === '42601' && routine === 'scanner_yyerror' && /["„“”«»][)[]["“”«»]/.test(message),

  uncoded: [
    {
      begins: /^Connection terminated(?: unexpectedly| due to connection timeout)?$/,
      verdict: 'database-unavailable',
      ambiguous: true,
    },
    { begins: /^Client .+ not queryable$/, verdict: 'database-unavailable', ambiguous: true },
    { begins: /^Cannot use a pool after/, verdict: 'database-unavailable', ambiguous: true },
    // a socket of Cloudflare Workers, by which pg and mysql2 connect there
    { begins: /^proxy request failed, cannot connect to the specified address/, verdict: 'database-unavailable' },
    { begins: /^connection attempt failed$/, verdict: 'database-unavailable', ambiguous: true }, // by Hyperdrive
    { begins: /^Network connection lost\b/, verdict: 'database-unavailable', ambiguous: true },
    { begins: /^PGlite is clos/, verdict: 'database-unavailable' },
    { begins: /^timeout expired$/, verdict: 'database-unavailable', ambiguous: true }, // pg, while it connects
    { begins: /^timeout exceeded when trying to connect$/, verdict: 'database-overloaded' }, // pg-pool
    { begins: /^Query read timeout$/, verdict: 'query-timeout', ambiguous: true },
    { begins: /^The server does not support SSL/, verdict: 'misconfigured' },
  ],
};

/**
 * Whether `severity` is a server's: in English as it stands in the protocol, or translated (`FEHLER`, `错误`), beside what
 * only a server fills in. A pooler says no routine, and speaks English. Other libraries write `low` or `warning`.
 */
const hasServerSeverity = ({ severity, routine, file, line, schema }: ErrorFields): boolean =>
  /^(?:ERROR|FATAL|PANIC)$/.test(severity) ||
  (severity !== '' && severity === severity.toUpperCase() && (schema || (routine && file && line)) !== '');

function postgresqlVerdict({ code, message, routine, file }: ErrorFields): Verdict | undefined {
  if (/^column "-?(?:nan|infinity)\b/i.test(message)) {
    return 'invalid-value'; // MikroORM writes such a number as it is
  }
  if (code === '23503') {
    // Which end of a foreign key is wrong: the message quotes two names (table, constraint) when the parent is missing,
    // three (parent, constraint, child) when children exist, in every language; the quotes differ, their number does not.
    const quotes = message.replace(/\n.*/s, '').match(/["„“”«»]/g)?.length;
    return quotes === 4 ? 'reference-not-found' : quotes === 6 ? 'resource-in-use' : 'reference-violation';
  }
  if (code === '42501' && routine === 'ExecWithCheckOptions') {
    return 'forbidden'; // row-level security: message and severity are translated, the routine is not
  }
  if (code === '22023' && (file === 'guc.c' || file === 'sequence.c')) {
    return 'internal-error'; // not a row's value, but a session's or a sequence's: an unknown role, a setting
  }
  if (code === '55000' && /^(?:InitPostgres|CheckMyDatabase)$/.test(routine)) {
    return 'database-unavailable'; // at connect: the database takes no connections (allow_connections)
  }
  // a NUL byte cuts the message to the server short
  return code === '08P01' && file === 'pqformat.c'
    ? 'invalid-value'
    : (verdictIn(SQLSTATES, code) ?? verdictIn(SQLSTATE_CLASSES, code.slice(0, 2)));
}
