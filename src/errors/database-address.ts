import type { OrmLike } from './orm-option.js';
import { read, readList, readNumber, readText } from './safe-read.js';

/**
 * Frames of a database driver, or of what MikroORM calls it through. Node's own errors carry nothing else that names
 * their origin: pg-pool and pg capture the stack anew, so it leads back to the query. Method names survive bundlers.
 */
const DRIVER_FRAME =
  /[\\/]node_modules[\\/](?:.*[\\/])?(?:pg|pg-pool|mysql2|kysely|@mikro-orm)[\\/]|\b(?:acquireConnection|provideConnection)\b/;

/** PostgreSQL's and MySQL's ports: nothing else is asked there. */
const DATABASE_PORTS = new Set([5432, 3306]);

const CALLS = new Set(['getaddrinfo', 'read', 'write']);
const FILE_CODES = new Set(['ENOENT', 'EACCES', 'EMFILE', 'ENFILE', 'ENOSPC', 'EDQUOT', 'EROFS']);

/**
 * Whether an error of Node (ECONNREFUSED and the like) that no exception of the ORM wraps comes from a database: an
 * application's own `fetch` or Redis client fails with the same code.
 */
export function isDatabaseSystemError(error: unknown, orm: OrmLike | undefined): boolean {
  const call = readText(error, 'syscall');
  const code = readText(error, 'code') ?? '';
  // Files fail with codes of sockets, too: under the name of another call.
  const ofSocket =
    call === undefined ? !FILE_CODES.has(code) : call === 'connect' || (CALLS.has(call) && !FILE_CODES.has(code));
  if (!ofSocket || readText(error, 'name') === 'TypeError') {
    return false;
  }
  // One attempt for each address of the host: Node puts them into `errors` of an AggregateError.
  const attempts = [error, ...readList(error, 'errors')];
  return (
    attempts.some(attempt => isDriversOwn(attempt)) ||
    attempts.some(attempt => isAddressOf(attempt, framesOf(error), orm))
  );
}

function isDriversOwn(error: unknown): boolean {
  return (
    read(error, 'fatal') === true || // mysql2
    framesOf(error).some(frame => DRIVER_FRAME.test(frame)) ||
    (readText(error, 'address')?.includes('.s.PGSQL.') ?? false) ||
    DATABASE_PORTS.has(readNumber(error, 'port') ?? 0)
  );
}

function isAddressOf(error: unknown, frames: string[], orm: OrmLike | undefined): boolean {
  const port = readNumber(error, 'port');
  const host = readText(error, 'hostname');
  const call = readText(error, 'syscall');
  if (orm === undefined || (call !== 'connect' && call !== 'getaddrinfo')) {
    return false;
  }
  const { ports, hosts } = addressesOf(orm);
  if (ports.size + hosts.size > 0) {
    return (port !== undefined && ports.has(port)) || (host !== undefined && hosts.has(host));
  }
  // An ORM that says nothing about where its database is cannot rule the error out; a stack of Node's frames only can.
  return speaksTcp(orm) && frames.some(frame => !/\(?node:/.test(frame));
}

function framesOf(error: unknown): string[] {
  const stack = readText(error, 'stack') ?? '';
  return stack.split('\n', 500).filter(line => line.startsWith('    at '));
}

function addressesOf(orm: OrmLike): { ports: Set<number>; hosts: Set<string> } {
  const ports = new Set<number>();
  const hosts = new Set<string>();
  const add = (source: unknown): void => {
    const port = Number(read(source, 'port'));
    const host = readText(source, 'host');
    if (port > 0) {
      ports.add(port);
    }
    if (host !== undefined) {
      hosts.add(host);
    }
  };
  const addUrl = (url: unknown): void => {
    if (typeof url === 'string' && URL.canParse(url)) {
      const { port, hostname } = new URL(url);
      add({ port, host: hostname });
    }
  };
  const options: unknown = orm.config.getAll();
  add(options);
  add(read(options, 'driverOptions'));
  if (read(options, 'clientUrl') !== orm.config.getPlatform().getDefaultClientUrl()) {
    addUrl(read(options, 'clientUrl'));
  }
  for (const replica of readList(options, 'replicas')) {
    add(replica);
    addUrl(read(replica, 'clientUrl'));
  }
  return { ports, hosts };
}

const speaksTcp = (orm: OrmLike): boolean => /^\w+:\/\//.test(orm.config.getPlatform().getDefaultClientUrl() ?? '');
