import { DRIVERS } from './drivers/index.js';
import { fieldsOf, read, readList, type ErrorFields } from './error-fields.js';
import { isFromDatabase } from './error-origin.js';
import type { AnyOrm } from '../orm-source.js';
import { verdictIn, type Verdict, type VerdictTable } from './verdict.js';

/** Node's codes for what happens to a connection. */
const SOCKET_CODES: VerdictTable = {
  ECONNABORTED: 'database-unavailable',
  ECONNREFUSED: 'database-unavailable',
  ECONNRESET: 'database-unavailable',
  EADDRINUSE: 'database-unavailable',
  EADDRNOTAVAIL: 'database-unavailable',
  EAI_AGAIN: 'database-unavailable',
  EAI_FAIL: 'database-unavailable',
  EAI_NODATA: 'database-unavailable',
  EHOSTDOWN: 'database-unavailable',
  EHOSTUNREACH: 'database-unavailable',
  ENETDOWN: 'database-unavailable',
  ENETRESET: 'database-unavailable',
  ENETUNREACH: 'database-unavailable',
  ENOTFOUND: 'database-unavailable',
  EPIPE: 'database-unavailable',
  ETIMEDOUT: 'database-unavailable',
};

/** Node's codes for files, which the socket of a database may be, and the directory of PGlite. */
const FILE_CODES: VerdictTable = {
  ENOENT: 'database-unavailable',
  EACCES: 'misconfigured',
  EMFILE: 'database-overloaded',
  EROFS: 'database-read-only',
  ENOSPC: 'storage-full',
};

/** Node's and OpenSSL's codes for certificates: `CERT_HAS_EXPIRED`, `DEPTH_ZERO_SELF_SIGNED_CERT` and many more. */
const CERTIFICATE_CODE = /CERT|^CRL_|^UNABLE_TO_VERIFY_LEAF_SIGNATURE$/;

/** What an error of a connection means; undefined where it may as well be another one than the database's. */
export function networkVerdict(
  error: unknown,
  fields: ErrorFields,
  converted: boolean,
  orm: AnyOrm | undefined,
): Verdict | undefined {
  const { code, syscall } = fields;
  const verdict = CERTIFICATE_CODE.test(code) ? 'misconfigured' : connectionVerdict(code);
  if (converted) {
    return verdict ?? verdictIn(FILE_CODES, code);
  }
  // Files fail with codes of sockets, too (ENOENT, EACCES): under the name of another call.
  const found = verdict ?? (syscall === 'connect' ? verdictIn(FILE_CODES, code) : undefined);
  return found && isDatabaseSocket(error, fields, orm) ? found : undefined;
}

/** By Node's codes, and by those of the drivers. */
function connectionVerdict(code: string): Verdict | undefined {
  const tables = [SOCKET_CODES, ...DRIVERS.map(({ connectionCodes = {} }) => connectionCodes)];
  return tables.map(table => verdictIn(table, code)).find(verdict => verdict !== undefined);
}

/**
 * Whether an error of Node (ECONNREFUSED and the like) that no exception of the ORM wraps comes from a database: an
 * application's own `fetch` or Redis client fails with the same code.
 */
function isDatabaseSocket(error: unknown, fields: ErrorFields, orm: AnyOrm | undefined): boolean {
  // One attempt for each address of the host: Node puts them into `errors` of an AggregateError.
  return [error, ...readList(error, 'errors')].map(fieldsOf).some(
    attempt =>
      attempt.fatal === 'true' || // mysql2
      isFromDatabase(attempt) ||
      /\.s\.PGSQL\./.test(attempt.address) ||
      /^(?:5432|3306|1433|1521|27017)$/.test(attempt.port) ||
      (/^(?:connect|getaddrinfo)$/.test(attempt.syscall) &&
        isAddressOf(attempt.hostname || attempt.port, fields.stack, orm)),
  );
}

/** Whether the ORM's settings name this host or port. */
function isAddressOf(address: string, stack: string, orm: AnyOrm | undefined): boolean {
  const options: unknown = orm?.config.getAll();
  const byDefault = orm?.config.getPlatform().getDefaultClientUrl();
  const known = [options, read(options, 'driverOptions'), ...readList(options, 'replicas')]
    .flatMap(source => ['host', 'port', 'clientUrl'].map(key => read(source, key)))
    .filter(value => value && value !== byDefault);
  return known.length > 0
    ? [...known.join(' ').matchAll(/[^\s/@:?]+/g)].some(([part]) => part === address)
    : // An ORM that does not say where its database is cannot rule the error out; a stack of only Node's frames can.
      !!byDefault && /^ +at (?!.*\bnode:)/m.test(stack);
}
