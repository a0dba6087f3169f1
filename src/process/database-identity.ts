import { resolve } from 'node:path';
import { driverOptions, isOwnPool, sqlConnections, type SqlConnection } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';

/** What tells one database from another, and one pool's settings from another's. */
export interface DatabaseIdentity {
  /** Driver, host, port, user and database, or the resolved file. */
  database: string;
  /** Pool, replicas and driver options, for comparison only: passwords are among them. */
  settings: string;
  /** The file of SQLite or libSQL; a pool of the user's own may have any other. */
  file?: string | undefined;
  inMemory: boolean;
  /** A second handle cannot be opened beside the first: in memory, or PGlite. */
  exclusive: boolean;
}

/** Drivers of embedded databases, by the package that MikroORM's driver names as its dependency. */
const EMBEDDED = ['better-sqlite3', 'libsql', '@electric-sql/pglite'];

/** Reads from a built ORM, without connecting, which database it is for. */
export function identifyDatabase(orm: AnyOrm): DatabaseIdentity {
  // the dependencies' names are strings, so they tell drivers apart where a minifier has renamed the classes
  const packages = orm.driver.getDependencies();
  const driver = packages.at(-1) ?? 'unknown';
  const [[, connection]] = sqlConnections(orm) as [[string, SqlConnection]];
  const options = driverOptions(connection) as Record<string, unknown>;
  const settings = stringify([connection.options, orm.config.get('pool'), orm.config.get('replicas'), options]);
  if (EMBEDDED.some(name => packages.includes(name))) {
    const file = embeddedFile(driver, options, orm.config.get('dbName'));
    const inMemory = file === undefined;
    const exclusive = inMemory || packages.includes('@electric-sql/pglite');
    const own = exclusive || file.includes('://') || isOwnPool(options) ? undefined : file;
    return { database: `${driver} ${file ?? 'in memory'}`, settings, file: own, inMemory, exclusive };
  }
  // driverOptions win, as they do in MikroORM
  const { host, port, user, database, dbName } = {
    ...connection.options,
    ...connection.getConnectionOptions(),
    ...options,
  } as Record<string, unknown>;
  const place = `${driver} ${user}@${host}:${port || defaultPort(orm)}/${database ?? dbName ?? orm.config.get('dbName')}`;
  return { database: place, settings, inMemory: false, exclusive: false };
}

/** The port of a `clientUrl` that names none. */
function defaultPort(orm: AnyOrm): string {
  return /:(\d+)/.exec(orm.driver.getPlatform().getDefaultClientUrl())?.[1] ?? '';
}

/** The file or URL of an embedded database, or undefined for one in memory. */
function embeddedFile(
  driver: string,
  options: Record<string, unknown>,
  dbName: string | undefined,
): string | undefined {
  if (options['pglite']) {
    return undefined;
  }
  const place = String(options['url'] ?? options['dataDir'] ?? options['dbName'] ?? dbName ?? '');
  if (
    place === '' ||
    place.startsWith(':memory:') ||
    place.startsWith('memory:') ||
    place.startsWith('file::memory:')
  ) {
    return undefined;
  }
  // of a remote one, what may be shown: a token may stand in its query
  const [remote] = /^(?:https?|libsql|wss?):\/\/[^?]+/.exec(place) ?? [];
  const file = remote?.replace(/\/\/.*@/, '//') ?? resolve(driver === 'libsql' ? fileOfUrl(place) : place);
  // PGlite keeps several databases in one folder
  return options['dataDir'] && dbName ? `${file} ${dbName}` : file;
}

/** `file:a%20b.db?mode=rwc` is the file `a b.db`. */
function fileOfUrl(place: string): string {
  const [, path] = /^file:(?:\/\/)?([^?]*)/.exec(place) ?? [];
  return path === undefined ? place : decodeURIComponent(path);
}

/** Settings as text. Functions and objects that lead back to themselves cannot be compared between module graphs. */
function stringify(settings: unknown): string {
  try {
    return JSON.stringify(settings);
  } catch {
    return '';
  }
}
