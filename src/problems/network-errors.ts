import type { OrmLike } from './orm-option.js';
import { read, readList, viewOf, type Thrown } from './error-fields.js';

/** Codes of Node and tedious for what happens to a connection. */
export const NETWORK =
  /^(?:ECONN|EHOST|ENET|EADDR|EAI_|(?:EPIPE|ETIMEDOUT|ENOTFOUND|ESOCKET|ECLOSE|EINSTLOOKUP|ETIMEOUT)$)/;

/** Codes of Node, mysql2 and tedious for certificates, and for a handshake that both sides do not agree about. */
export const SETTINGS = /CERT|^CRL_|^HANDSHAKE_|^AUTH_SWITCH_|^E(?:LOGIN|FEDAUTH|ENCRYPT)$/;

/**
 * The first frame that is not Node's, of a database driver or of what MikroORM calls it through; or, anywhere, the method
 * that takes a connection: names of methods survive bundlers. Node's own errors carry nothing else that names their
 * origin: pg and pg-pool capture the stack anew, so it leads back to the query. Frames further on tell nothing: what an
 * app does in a transaction is called by the ORM, too.
 */
const DRIVER_FRAME =
  /[\\/]node_modules[\\/](?:.*[\\/])?(?:pg|pg-pool|mysql2|tedious|oracledb|mongodb|kysely|@mikro-orm)[\\/]/;
const isFromDriver = (stack: string): boolean =>
  DRIVER_FRAME.test(/^ +at (?!.*\bnode:).*/m.exec(stack)?.[0] ?? '') || /^ +at .*\bacquireConnection\b/m.test(stack);

/**
 * Whether an error of Node (ECONNREFUSED and the like) that no exception of the ORM wraps comes from a database: an
 * application's own `fetch` or Redis client fails with the same code.
 */
export function isDatabaseSocket(error: unknown, { stack }: Thrown, orm: OrmLike | undefined): boolean {
  // One attempt for each address of the host: Node puts them into `errors` of an AggregateError.
  return [error, ...readList(error, 'errors')].map(viewOf).some(
    attempt =>
      attempt.fatal === 'true' || // mysql2
      isFromDriver(attempt.stack) ||
      /\.s\.PGSQL\./.test(attempt.address) ||
      /^(?:5432|3306|1433|1521|27017)$/.test(attempt.port) ||
      (/^(?:connect|getaddrinfo)$/.test(attempt.syscall) && isAddressOf(attempt.hostname || attempt.port, stack, orm)),
  );
}

/** Whether the ORM's settings name this host or port. */
function isAddressOf(address: string, stack: string, orm: OrmLike | undefined): boolean {
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
