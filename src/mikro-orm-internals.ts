import { AsyncLocalStorage } from 'node:async_hooks';
import { EntityManager, RequestContext, TransactionContext } from '@mikro-orm/core';
import type { Connection, ForkOptions, Transaction, Type } from '@mikro-orm/core';
import type { CheckDef, Column, DatabaseSchema, DatabaseTable, ForeignKey, IndexDef } from '@mikro-orm/sql';
import type { AnyOrm } from './orm-source.js';

// Every use of what MikroORM and Kysely do not promise: seen in MikroORM 7.1.11 to 7.2.2 and Kysely 0.28 to 0.29.
// test/mikro-orm-internals.test.ts holds each driver to it: when a release changes something, that fails first.

/** `AbstractSqlConnection` of `@mikro-orm/sql`. */
export interface SqlConnection extends Omit<Connection, 'connected' | 'options' | 'config' | 'type'> {
  connected: boolean;
  readonly options: Record<string, unknown>;
  readonly config: AnyOrm['config'];
  readonly type: 'read' | 'write';
  getClient(): Kysely;
  createKyselyDialect(options: unknown): Dialect | Promise<Dialect>;
  /** SQLite and libSQL: statements that a new handle needs. */
  getConnectionSetupSql?(): Promise<string[]>;
  attachDatabases?(): Promise<void>;
  /** The native handle of SQLite and libSQL. */
  database?: unknown;
}

/** A Kysely instance: all of a pool, or one connection of it. */
interface Kysely {
  connection(): { execute<T>(work: (client: Kysely) => Promise<T>): Promise<T> };
  getExecutor(): { provideConnection(work: (connection: DatabaseConnection) => Promise<void>): Promise<void> };
}

/** `Dialect` of Kysely. */
export interface Dialect {
  createAdapter(): { readonly supportsMultipleConnections?: boolean };
  createQueryCompiler(): unknown;
  createIntrospector(db: unknown): unknown;
  createDriver(): KyselyDriver;
}

/** `Driver` of Kysely. */
export interface KyselyDriver {
  init(options?: unknown): Promise<void>;
  acquireConnection(options?: unknown): Promise<DatabaseConnection>;
  releaseConnection(connection: DatabaseConnection, options?: unknown): Promise<void>;
  beginTransaction(connection: DatabaseConnection, settings: unknown): Promise<void>;
  commitTransaction(connection: DatabaseConnection): Promise<void>;
  rollbackTransaction(connection: DatabaseConnection): Promise<void>;
  savepoint?(connection: DatabaseConnection, name: unknown, compile: unknown): Promise<void>;
  rollbackToSavepoint?(connection: DatabaseConnection, name: unknown, compile: unknown): Promise<void>;
  releaseSavepoint?(connection: DatabaseConnection, name: unknown, compile: unknown): Promise<void>;
  destroy(options?: unknown): Promise<void>;
}

/** `DatabaseConnection` of Kysely. */
export interface DatabaseConnection {
  executeQuery(query: unknown, options?: unknown): Promise<unknown>;
  streamQuery(query: unknown, chunkSize?: number, options?: unknown): AsyncIterableIterator<unknown>;
  cancelQuery?(...args: unknown[]): Promise<unknown>;
  collectSessionInfo?(...args: unknown[]): Promise<unknown>;
  killSession?(...args: unknown[]): Promise<unknown>;
}

/** The connections of an ORM by role: `write`, then `read 0`, `read 1` … */
export function sqlConnections(orm: AnyOrm): [role: string, connection: SqlConnection][] {
  const { connection, replicas } = orm.driver as unknown as { connection: SqlConnection; replicas: SqlConnection[] };
  return [['write', connection], ...replicas.map((replica, i): [string, SqlConnection] => [`read ${i}`, replica])];
}

/** A driver that is built on `@mikro-orm/sql`; MongoDB is not. */
export function isSql(orm: AnyOrm): boolean {
  return 'createKyselyDialect' in orm.driver.getConnection();
}

/** A Kysely instance or a dialect: a pool that the user built, and closes. */
export function isOwnPool(options: unknown): boolean {
  return typeof options === 'object' && options !== null && ('createDriver' in options || 'getExecutor' in options);
}

/** The `driverOptions` that MikroORM would hand to its own dialect. A function is called once: it may open something. */
export function driverOptions(connection: SqlConnection): unknown {
  const options = connection.options['driverOptions'] ?? connection.config.get('driverOptions');
  if (typeof options !== 'function') {
    return options;
  }
  return (connection.options['driverOptions'] = (options as () => unknown)());
}

/** MikroORM's own dialect for a connection; a promise with mysql2, whose password may be one. */
export function buildDialect(connection: SqlConnection): Dialect | Promise<Dialect> {
  return connection.createKyselyDialect(driverOptions(connection));
}

/** Makes a connection take this dialect, whenever it connects, in place of its own. */
export function replaceDialect(connection: SqlConnection, dialect: () => Dialect | Promise<Dialect>): void {
  connection.createKyselyDialect = dialect;
}

/** A connection of the pool that all of a piece of work uses, until that has ended. */
interface Pin {
  readonly owner: SqlConnection;
  client: Kysely | undefined;
}
const pins = new AsyncLocalStorage<Pin>();
const pinnable = new WeakSet<SqlConnection>();

/**
 * Runs `work` on one connection of the pool: each query and each transaction that it starts on `owner` goes there. It is
 * handed that connection, for what has to reach it whatever has become of a transaction.
 */
export async function pinConnection<T>(
  owner: SqlConnection,
  work: (connection: DatabaseConnection) => Promise<T>,
): Promise<T> {
  if (!pinnable.has(owner)) {
    pinnable.add(owner);
    const pinned = (): Kysely | undefined => {
      const pin = pins.getStore();
      return pin?.owner === owner ? pin.client : undefined;
    };
    const getClient = owner.getClient.bind(owner);
    const execute = owner.execute.bind(owner) as (...args: unknown[]) => Promise<never>;
    owner.getClient = () => pinned() ?? getClient();
    owner.execute = (query: unknown, params?: unknown, method?: unknown, ctx?: unknown, ...rest: unknown[]) =>
      execute(query, params, method, ctx ?? pinned(), ...rest);
  }
  await owner.ensureConnection();
  return owner
    .getClient()
    .connection()
    .execute(async client => {
      let connection!: DatabaseConnection;
      await client.getExecutor().provideConnection(async own => void (connection = own));
      const pin: Pin = { owner, client };
      try {
        return await pins.run(pin, () => work(connection));
      } finally {
        pin.client = undefined;
      }
    });
}

/** Calls `check` at the end of the transaction that a run of migrations is, before it is committed. */
export function beforeRunCommits(migrator: object, check: (transaction: Transaction) => Promise<void>): void {
  const host = migrator as { runInTransaction(transaction: Transaction, ...args: unknown[]): Promise<unknown> };
  const run = host.runInTransaction.bind(host);
  host.runInTransaction = async (transaction, ...args) => {
    const result = await run(transaction, ...args);
    await check(transaction);
    return result;
  };
}

/** Lets the ORMs of `extensions` that nobody registered be loaded on first use, as `MikroORM.init()` loads them at start. */
export function onMissingExtension(orm: AnyOrm, load: (name: string, packageName: string) => unknown): void {
  const platform = orm.driver.getPlatform();
  const getExtension = platform.getExtension.bind(platform) as (...args: unknown[]) => unknown;
  const patched = (name: string, key: string, packageName: string, em: unknown): unknown =>
    orm.config.getExtension(key) ?? load(name, packageName) ?? getExtension(name, key, packageName, em);
  platform.getExtension = patched as typeof platform.getExtension;
}

/** The schema that the entities describe, and the one that the database has; reads only, and not the migrations table. */
export async function readSchemas(orm: AnyOrm): Promise<{ target: DatabaseSchema; actual: DatabaseSchema }> {
  const { schema: generator, config } = orm as unknown as {
    schema: { getTargetSchema(): DatabaseSchema };
    config: { get(name: 'schemaGenerator'): { skipTables?: string[]; skipViews?: string[] } };
  };
  const target = generator.getTargetSchema();
  const { skipTables, skipViews } = config.get('schemaGenerator');
  // the class is found here: an import of @mikro-orm/sql could be another copy than the driver's
  const create = (target.constructor as unknown as { create(...args: unknown[]): Promise<DatabaseSchema> }).create.bind(
    target.constructor,
  );
  const [connection, platform] = [orm.driver.getConnection('write'), orm.driver.getPlatform()];
  const namespaces = target.getNamespaces();
  const actual = await create(
    connection,
    platform,
    orm.config,
    undefined,
    namespaces,
    undefined,
    skipTables,
    skipViews,
  );
  const wildcard = [...orm.getMetadata().getAll().values()].filter(meta => meta.schema === '*');
  for (const schema of [target, actual]) {
    schema.prune(
      undefined,
      wildcard.map(meta => meta.tableName),
    );
  }
  return { target, actual };
}

/** What writes MikroORM's DDL. */
export function schemaHelper(orm: AnyOrm): SchemaHelper {
  return (orm.driver.getPlatform() as unknown as PlatformInternals).getSchemaHelper();
}

interface MigrationStorageInternals {
  getStorage(): { resolveTableName(): { tableName: string; schemaName: string | undefined } };
}

/** The table in which migrations are recorded. */
export function migrationsTableName(orm: AnyOrm): { tableName: string; schemaName: string | undefined } {
  return (orm.migrator as unknown as MigrationStorageInternals).getStorage().resolveTableName();
}

export async function hasMigrationsTable(orm: AnyOrm): Promise<boolean> {
  const { tableName, schemaName } = migrationsTableName(orm);
  return schemaHelper(orm).tableExists(sqlConnections(orm)[0]![1], tableName, schemaName);
}

/** What `MigrationStorage.ensureTable()` would run. */
export function migrationsTableSql(orm: AnyOrm): string[] {
  const { tableName, schemaName } = migrationsTableName(orm);
  const platform = orm.driver.getPlatform() as unknown as PlatformInternals;
  const { schema: generator } = orm as unknown as { schema: { getTargetSchema(): DatabaseSchema } };
  const Schema = generator.getTargetSchema().constructor as new (platform: unknown, name: string) => DatabaseSchema;
  const table = new Schema(platform, schemaName ?? '').addTable(tableName, schemaName);
  const length = platform.getDefaultDateTimeLength();
  table.addColumn({
    name: 'id',
    type: platform.getIntegerTypeDeclarationSQL({ autoincrement: true, unsigned: true }),
    mappedType: platform.getMappedType('number'),
    primary: true,
    autoincrement: true,
  });
  table.addColumn({
    name: 'name',
    type: platform.getVarcharTypeDeclarationSQL({}),
    mappedType: platform.getMappedType('string'),
  });
  table.addColumn({
    name: 'executed_at',
    type: platform.getDateTimeTypeDeclarationSQL({ length }),
    mappedType: platform.getMappedType('datetime'),
    default: platform.getCurrentTimestampSQL(length),
    length,
  });
  return schemaHelper(orm).createTable(table);
}

interface PlatformInternals {
  getDefaultDateTimeLength(): number;
  getIntegerTypeDeclarationSQL(column: object): string;
  getVarcharTypeDeclarationSQL(column: object): string;
  getDateTimeTypeDeclarationSQL(column: object): string;
  getCurrentTimestampSQL(length: number): string;
  getMappedType(type: string): Type<unknown>;
  getSchemaHelper(): SchemaHelper;
}
export interface SchemaHelper {
  createCheck(table: DatabaseTable, check: CheckDef): string;
  createTableColumn(column: Column, table: DatabaseTable): string | undefined;
  tableExists(connection: SqlConnection, table: string, schema: string | undefined): Promise<boolean>;
  createTable(table: DatabaseTable): string[];
  createForeignKey(table: DatabaseTable, key: ForeignKey): string;
  createIndex(index: IndexDef, table: DatabaseTable): string;
}

// --- contexts ------------------------------------------------------------------------------------------------------

/** On an EntityManager whose context or transaction has ended. A property, so that no list keeps it alive. */
const ENDED = Symbol.for('mikro-orm-web/ended');
const PATCHED = Symbol.for('mikro-orm-web/contexts');

type Marked = EntityManager & { [ENDED]?: true };

/** Whether the context or transaction of this EntityManager has ended; work that outlived it must not join it. */
export function hasEnded(em: EntityManager): boolean {
  return (em as Marked)[ENDED] === true;
}

/** What finds the EntityManager of a context by the name of its ORM: `context` of MikroORM's config. */
export type ContextLookup = (name: string) => EntityManager | undefined;

/** The EntityManagers that run under this name now: a transaction's, a request context's. */
export function runningEms(
  name: string,
  lookup: ContextLookup = other => RequestContext.getEntityManager(other),
): { transaction: EntityManager | undefined; context: EntityManager | undefined } {
  const running = (em: EntityManager | undefined): EntityManager | undefined => (em && !hasEnded(em) ? em : undefined);
  return { transaction: running(TransactionContext.getEntityManager(name)), context: running(lookup(name)) };
}

export function markEnded(em: EntityManager): void {
  (em as Marked)[ENDED] = true;
}

/** A context of MikroORM, and the one around it. */
interface Nested {
  readonly em: EntityManager;
  outer?: Nested | undefined;
}

/**
 * Adds to MikroORM's contexts what they lack: that they end, and, up to MikroORM 7.2.1, that transactions of two ORMs nest.
 * There the inner one hides the outer one, so that a unit of work inside of `A.transactional → B.transactional` fell out of
 * A's transaction. Once a process: module graphs share the classes of core.
 */
function completeContexts(): void {
  const host = TransactionContext as typeof TransactionContext & { [PATCHED]?: true };
  if (host[PATCHED]) {
    return;
  }
  host[PATCHED] = true;
  const runInTransaction = TransactionContext.create.bind(TransactionContext);
  TransactionContext.create = (em, next) => {
    const outer = TransactionContext.currentTransactionContext() as Nested | undefined;
    return runInTransaction(em, () => {
      (TransactionContext.currentTransactionContext() as unknown as Nested).outer = outer;
      return endWith(next(), [em]);
    });
  };
  TransactionContext.getEntityManager = (name = 'default') => {
    let context = TransactionContext.currentTransactionContext() as Nested | undefined;
    while (context && context.em.name !== name) {
      context = context.outer;
    }
    return context?.em;
  };
  const runInRequest = RequestContext.create.bind(RequestContext);
  RequestContext.create = (em, next, options) =>
    runInRequest(em, () => endWith(next(), [...RequestContext.currentRequestContext()!.map.values()]), options);
}

/** Marks as ended what has ended with `result`. A middleware that returns at once goes on: its end cannot be seen. */
function endWith<T>(result: T, ems: readonly EntityManager[]): T {
  if (!(result instanceof Promise)) {
    return result;
  }
  const end = (): void => ems.forEach(markEnded);
  if (result.constructor !== Promise || Object.keys(result).length > 0) {
    // one that has more to it than its value, which the caller may want
    Promise.prototype.then.call(result, end, end);
    return result;
  }
  return result.finally(end) as T; // a rejection that nobody handles stays one
}

/** Runs `callback` where `ems` are the EntityManagers of the running request, each under the name of its ORM. */
export function runInContext<T>(ems: readonly EntityManager[], callback: () => T): T {
  const { storage } = RequestContext as unknown as { storage: { run(context: RequestContext, next: () => T): T } };
  return storage.run(new RequestContext(new Map(ems.map(em => [em.name, em]))), callback);
}

/**
 * Runs `work` where MikroORM finds `em`: it prefers a transaction, running or ended, and what a `context` of the app's own
 * finds, over a request context.
 */
export function pinContext<T>(em: EntityManager, lookup: ContextLookup, work: () => T): T {
  const found = TransactionContext.getEntityManager(em.name) ?? lookup(em.name);
  if (found === em) {
    return work();
  }
  const outer = TransactionContext.currentTransactionContext() as Nested | undefined;
  const { storage } = TransactionContext as unknown as { storage: { run(context: Nested, next: () => T): T } };
  return storage.run(Object.assign(new TransactionContext(em) as unknown as Nested, { outer }), work);
}

/**
 * A fork of `em` with the event manager of `other`: that of a transaction has a subscriber which takes entities that were
 * deleted out of the identity map of the unit of work around it.
 */
export function forkWithEventsOf<EM extends EntityManager>(other: EntityManager, em: EM, options: ForkOptions): EM {
  const internal = em as unknown as { eventManager: unknown };
  const own = internal.eventManager;
  internal.eventManager = other.getEventManager();
  try {
    return em.fork(options) as EM;
  } finally {
    internal.eventManager = own;
  }
}

/** Makes `other` know the entities of `orm` without discovering them: discovery would decorate their classes anew. */
export function shareMetadata(orm: AnyOrm, other: AnyOrm): void {
  other.getMetadata = orm.getMetadata.bind(orm) as typeof other.getMetadata;
  other.driver.setMetadata(orm.getMetadata());
  const em = other.driver.createEntityManager() as AnyOrm['em'];
  Object.assign(em, { global: true });
  other.em = em;
}

/** The registry of `EntitySchema`: all entity classes of a process, on globalThis. */
const ENTITY_REGISTRY = Symbol.for('@mikro-orm/core/EntitySchema.REGISTRY');

/**
 * Lets entity classes go that a reload has replaced. MikroORM keeps a map of all classes on globalThis, and a class keeps
 * its ORM alive; the map is only ever asked by class, so that a weak one serves as well. For development only.
 */
export function weakenEntityRegistry(): void {
  const host = globalThis as { [ENTITY_REGISTRY]?: Map<object, unknown> | WeakMap<object, unknown> };
  if (!(host[ENTITY_REGISTRY] instanceof WeakMap)) {
    host[ENTITY_REGISTRY] = new WeakMap(host[ENTITY_REGISTRY]);
  }
}

// --- filters -------------------------------------------------------------------------------------------------------

/** Filters that are switched on or off for an EntityManager and its forks. */
export type FilterSwitches = Readonly<Record<string, boolean>>;

const SWITCHES = Symbol.for('mikro-orm-web/filters');
type Switched = EntityManager & { [SWITCHES]?: FilterSwitches | undefined };

export function filterSwitches(em: EntityManager): FilterSwitches {
  return (em as Switched)[SWITCHES] ?? {};
}

/** Switches filters for all queries of `em`. MikroORM does so query by query, by methods that the global one calls, too. */
export function switchFilters(em: EntityManager, switches: FilterSwitches): void {
  (em as Switched)[SWITCHES] = switches;
  const prototype = EntityManager.prototype as EntityManager & { [SWITCHES]?: unknown };
  if (SWITCHES in prototype) {
    return;
  }
  Object.defineProperty(prototype, SWITCHES, { value: undefined, writable: true });
  const { applyFilters, fork } = prototype;
  prototype.applyFilters = function (this: EntityManager, ...[entity, where, options, ...rest]: unknown[]) {
    const call = applyFilters as (this: EntityManager, ...args: unknown[]) => unknown;
    return call.call(this, entity, where, withSwitches(this, options), ...rest);
  } as typeof applyFilters;
  prototype.fork = function (this: EntityManager, options) {
    const source = options?.disableContextResolution ? this : this.getContext(false);
    const forked = fork.call(this, options);
    const inherited = (source as Switched)[SWITCHES];
    if (inherited) {
      (forked as Switched)[SWITCHES] = inherited;
    }
    return forked;
  } as typeof fork;
}

/** Options of one query, on top of the switches of the EntityManager that it runs on. */
function withSwitches(em: EntityManager, options: unknown): unknown {
  const switches = (em.getContext(false) as Switched)[SWITCHES];
  if (!switches || options === false) {
    return options;
  }
  const asked = Array.isArray(options) ? Object.fromEntries(options.map(name => [name, true])) : (options as object);
  return { ...switches, ...asked };
}

// as soon as anything of this package is used: a transaction that is running by then would never be seen to end
completeContexts();
