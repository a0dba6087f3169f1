import type { OrmLike } from './orm-option.js';
import { read, readList, viewOf, type Thrown } from './thrown.js';

/** Codes of Node for what happens to a connection. */
export const NETWORK = /^(?:ECONN|EHOST|ENET|EADDR|EAI_|EPIPE$|ETIMEDOUT$|ENOTFOUND$)/;

/** Codes of Node and mysql2 for certificates, and for a handshake that both sides do not agree about. */
export const SETTINGS = /CERT|SIGNATURE|^HANDSHAKE_|^AUTH_SWITCH_/;

/**
 * Frames of a database driver, or of what MikroORM calls it through. Node's own errors carry nothing else that names
 * their origin: pg-pool and pg capture the stack anew, so it leads back to the query. Method names survive bundlers.
 */
const DRIVER_FRAME =
  /^ +at .*(?:node_modules.*[\\/](?:pg|pg-pool|mysql2|kysely|@mikro-orm)[\\/]|\b(?:acquire|provide)Connection\b)/m;

/**
 * Whether an error of Node (ECONNREFUSED and the like) that no exception of the ORM wraps comes from a database: an
 * application's own `fetch` or Redis client fails with the same code.
 */
export function isDatabaseSocket(error: unknown, { stack }: Thrown, orm: OrmLike | undefined): boolean {
  // One attempt for each address of the host: Node puts them into `errors` of an AggregateError.
  return [error, ...readList(error, 'errors')].map(viewOf).some(
    attempt =>
      attempt.fatal === 'true' || // mysql2
      DRIVER_FRAME.test(attempt.stack) ||
      /\.s\.PGSQL\./.test(attempt.address) ||
      /^(?:5432|3306)$/.test(attempt.port) ||
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
