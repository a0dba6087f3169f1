import { driverOptions, isOwnPool, sqlConnections, type SqlConnection } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';

/** What tells one database from another, and one pool's settings from another's. */
export interface DatabaseIdentity {
  /** Driver, host, port, user and database, or the resolved file: for operators, never for a client. */
  readonly place: string;
  /** The place, and each setting that changes what a query sees or may do. For comparison only. */
  readonly meaning: string;
  /** Pool, replicas and driver options, for comparison only: passwords are among them. */
  readonly settings: string;
  /** The file of SQLite or libSQL; a pool of the user's own may have any other. */
  readonly file?: string | undefined;
  /** A file that is there as soon as the database is; undefined where nothing tells without asking it. */
  readonly mark?: string | undefined;
  readonly inMemory: boolean;
  /** A second handle cannot be opened beside the first: in memory, or PGlite. */
  readonly exclusive: boolean;
}

/** Drivers of embedded databases, by the package that MikroORM's driver names as its dependency. */
const EMBEDDED = ['better-sqlite3', 'libsql', '@electric-sql/pglite'];

/** Options of MikroORM that it hands to the connection. */
const MEANINGFUL = ['multipleStatements', 'timezone', 'forceUtcTimezone', 'charset', 'collate', 'sessionContext'];

/** Hooks that prepare a connection for the one that uses it. */
const HOOKS = ['onCreateConnection', 'onReserveConnection'] as const;

/**
 * Driver options that change how a database is reached, and not what a query sees there. Anything else is part of the
 * meaning: a `search_path` in `options`, a connection string, a default of read-only, flags of mysql2.
 */
const NOT_MEANINGFUL = new Set(
  [
    // part of the place, or a secret that may be renewed
    ['host', 'port', 'user', 'database', 'dbName', 'url', 'dataDir', 'password', 'authToken'],
    // pg
    ['max', 'min', 'idleTimeoutMillis', 'connectionTimeoutMillis', 'allowExitOnIdle', 'maxUses', 'maxLifetimeSeconds'],
    ['keepAlive', 'keepAliveInitialDelayMillis', 'statement_timeout', 'query_timeout', 'lock_timeout'],
    ['idle_in_transaction_session_timeout', 'application_name', 'fallback_application_name'],
    ['onPoolCreated', 'onConnect', 'verify', 'stream', 'log', 'Client', 'Promise'],
    // mysql2
    ['connectionLimit', 'maxIdle', 'idleTimeout', 'queueLimit', 'waitForConnections', 'connectTimeout'],
    ['enableKeepAlive', 'keepAliveInitialDelay'],
    // better-sqlite3
    ['timeout', 'verbose'],
  ].flat(),
);

/** Reads from a built ORM, without connecting, which database it is for. */
export function identifyDatabase(orm: AnyOrm): DatabaseIdentity {
  const [[, connection]] = sqlConnections(orm) as [[string, SqlConnection]];
  return identifyConnection(orm, connection);
}

/** The same of one of its connections, as its settings are now: `orm.reconnect({ dbName })` changes them. */
export function identifyConnection(orm: AnyOrm, connection: SqlConnection): DatabaseIdentity {
  const options = (driverOptions(connection) ?? {}) as Record<string, unknown>;
  const where = locate(orm, connection, options);
  const { config } = orm;
  return {
    ...where,
    meaning: stringify([
      where.place,
      MEANINGFUL.map(name => config.get(name as never)),
      config.get('attachDatabases'),
      // without them, a connection would be used as another ORM's hook has left it
      HOOKS.map(name => !!(connection.options[name] ?? config.get(name))),
      isOwnPool(options) ? [] : Object.entries(options).filter(([name]) => !NOT_MEANINGFUL.has(name)),
    ]),
    settings: stringify([connection.options, config.get('pool'), config.get('replicas'), options]),
  };
}

function locate(
  orm: AnyOrm,
  connection: SqlConnection,
  options: Record<string, unknown>,
): Omit<DatabaseIdentity, 'meaning' | 'settings'> {
  // the dependencies' names are strings, so they tell drivers apart where a minifier has renamed the classes
  const packages = orm.driver.getDependencies();
  const driver = packages.at(-1) ?? 'unknown';
  const dbName = orm.config.get('dbName');
  // the generic driver of @mikro-orm/sql has no client of its own: what leads to its database is a dialect
  if (isOwnPool(options) || driver === 'kysely') {
    return { place: `${driver} own pool ${dbName}`, inMemory: false, exclusive: false };
  }
  if (EMBEDDED.some(name => packages.includes(name))) {
    const file = embeddedFile(driver, options, dbName);
    const inMemory = file === undefined;
    const exclusive = inMemory || packages.includes('@electric-sql/pglite');
    const own = exclusive || file.includes('://') ? undefined : file;
    const mark = own ?? (inMemory ? undefined : pgliteMark(String(options['dataDir'] ?? dbName)));
    return { place: `${driver} ${file ?? 'in memory'}`, file: own, mark, inMemory, exclusive };
  }
  // driverOptions win, as they do in MikroORM
  const settings: Record<string, unknown> = {
    ...connection.options,
    ...(connection.getConnectionOptions() as Record<string, unknown>),
    ...options,
  };
  const { host, port, user, database } = settings;
  return {
    place: `${driver} ${user}@${host}:${port || defaultPort(orm)}/${database ?? settings['dbName'] ?? dbName}`,
    inMemory: false,
    exclusive: false,
  };
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
  const { resolve } = process.getBuiltinModule('node:path');
  const file = remote?.replace(/\/\/.*@/, '//') ?? resolve(driver === 'libsql' ? fileOfUrl(place) : bareFolder(place));
  // PGlite keeps several databases in one folder
  return options['dataDir'] && dbName ? `${file} ${dbName}` : file;
}

/** Without the prefix that PGlite takes. */
const bareFolder = (place: string): string => place.replace(/^file:\/\//, '');

/** The file that every data folder of PostgreSQL has; undefined where the place is not a folder (`idb://`). */
function pgliteMark(place: string): string | undefined {
  const folder = bareFolder(place);
  const { join, resolve } = process.getBuiltinModule('node:path');
  return folder.includes('://') ? undefined : join(resolve(folder), 'PG_VERSION');
}

/**
 * Whether the database can be asked without creating it: to open a file or a folder that is not there makes an empty database.
 */
export function isThere({ mark }: Pick<DatabaseIdentity, 'mark'>): boolean {
  return mark === undefined || process.getBuiltinModule('node:fs').existsSync(mark);
}

/** `file:a%20b.db?mode=rwc` is the file `a b.db`. */
function fileOfUrl(place: string): string {
  const [, path] = /^file:(?:\/\/)?([^?]*)/.exec(place) ?? [];
  return path === undefined ? place : decodeURIComponent(path);
}

/**
 * Settings as text: of a function only that there is one, for module graphs have copies; of an instance of a class, too (an
 * agent, PGlite with its memory); of bytes their content.
 */
function stringify(settings: unknown, ancestors: readonly unknown[] = []): string {
  if (typeof settings !== 'object' || settings === null) {
    return typeof settings === 'string'
      ? JSON.stringify(settings)
      : typeof settings === 'function'
        ? 'function'
        : `${String(settings)}`;
  }
  if (settings instanceof Uint8Array) {
    return Buffer.from(settings.buffer, settings.byteOffset, settings.byteLength).toString('base64');
  }
  if (settings instanceof Date || settings instanceof URL) {
    return String(settings);
  }
  const isPlain = Array.isArray(settings) || [Object.prototype, null].includes(Object.getPrototypeOf(settings) as null);
  if (!isPlain || ancestors.includes(settings)) {
    return 'object';
  }
  const inside = [...ancestors, settings];
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return `{${entries.map(([key, value]) => `${key}:${stringify(value, inside)}`).join()}}`;
}
