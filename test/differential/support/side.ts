import { MikroORM, defineEntity, p, type Options } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sqlite';
import type { Kysely } from 'kysely';
import type * as Library from '../../../src/index.js';
import { createDatabase, killConnections, type DriverName, type TestDatabase } from '../../support/databases.js';
import { importLibrary } from '../../support/graphs.js';

export type SqlOrm = MikroORM<AbstractSqlDriver>;
export type SqlConfig = Partial<Options<AbstractSqlDriver>>;

/** How many connections a pool of a comparison has; embedded databases have one. */
export const POOL = 3;
export const EMBEDDED: readonly DriverName[] = ['sqlite', 'libsql', 'pglite'];
/** All drivers but PGlite's, whose dialect has no streams. */
export const STREAMING: readonly DriverName[] = ['sqlite', 'libsql', 'postgresql', 'mariadb', 'mysql'];
export const SERVERS: readonly DriverName[] = ['postgresql', 'mariadb', 'mysql'];
/** Drivers that check a deferred foreign key when a transaction commits. */
export const DEFERRING: readonly DriverName[] = ['sqlite', 'libsql', 'pglite', 'postgresql'];

/** How long something may take before it counts as hanging, in ms. */
const LIMIT = 15_000;

/** What each side starts with. */
export const AUTHORS = ['Ada', 'Bob', 'Cid', 'Dan', 'Eve'];

/** The entities of one module graph: each has classes of its own. */
export function createModel(driver: DriverName) {
  const defers = DEFERRING.includes(driver);
  const AuthorSchema = defineEntity({
    name: 'Author',
    tableName: 'author',
    properties: { id: p.integer().primary().autoincrement(false), name: p.string() },
  });
  class Author extends AuthorSchema.class {}
  AuthorSchema.setClass(Author);
  const BookSchema = defineEntity({
    name: 'Book',
    tableName: 'book',
    properties: {
      id: p.integer().primary().autoincrement(false),
      title: p.string(),
      author: () => (defers ? p.manyToOne(Author).deferMode('deferred') : p.manyToOne(Author)),
    },
  });
  class Book extends BookSchema.class {}
  BookSchema.setClass(Book);
  return { Author, Book };
}

/** Plain MikroORM, or an ORM on our shared pool: what a scenario runs on. */
export interface Side extends ReturnType<typeof createModel> {
  readonly kind: 'plain' | 'shared';
  readonly driver: DriverName;
  readonly database: TestDatabase;
  readonly orm: SqlOrm;
  /**
   * The ORM of another module graph on the same pool. Plain MikroORM has no such thing: there it is the same ORM, or a
   * second one where it has settings of its own.
   */
  readonly other: SqlOrm;
  /** Closes what is open, and drops the database. */
  end(): Promise<void>;
}

export interface SideOptions {
  /** Settings beside the database's own; asked once a side. */
  config?: (database: TestDatabase) => SqlConfig;
  /** Settings of the other graph. @default those of the first */
  otherConfig?: (database: TestDatabase) => SqlConfig;
  /** Without another graph on the pool. */
  alone?: boolean;
  /** Without tables. */
  empty?: boolean;
}

const libraries: Promise<typeof Library>[] = [];
let sides = 0;

/** Opens one side, on a database of its own. */
export async function openSide(
  kind: Side['kind'],
  driver: DriverName,
  { config, otherConfig, alone = false, empty = false }: SideOptions = {},
): Promise<Side> {
  const database = await createDatabase(driver);
  const model = createModel(driver);
  const settings = (entities: ReturnType<typeof createModel>, more = config): SqlConfig =>
    ({
      ...database.config,
      pool: { max: POOL },
      logger: () => undefined,
      entities: Object.values(entities),
      ...more?.(database),
    }) as SqlConfig;

  const opened: SqlOrm[] = [];
  const closing: (() => Promise<void>)[] = [];
  if (kind === 'plain') {
    const configs =
      otherConfig && !alone ? [settings(model), settings(createModel(driver), otherConfig)] : [settings(model)];
    for (const each of configs) {
      const orm = new MikroORM(each) as SqlOrm;
      closing.push(() => orm.close());
      await orm.connect();
      await orm.checkConnection();
      opened.push(orm);
    }
  } else {
    libraries[0] ??= importLibrary();
    libraries[1] ??= importLibrary();
    const name = `side ${sides++}`;
    const configs = alone ? [settings(model)] : [settings(model), settings(createModel(driver), otherConfig ?? config)];
    for (const [i, each] of configs.entries()) {
      const singleton = (await libraries[i]!).createOrmSingleton(each, { name });
      closing.push(() => singleton.close());
      opened.push((await singleton()) as SqlOrm);
    }
  }
  const orm = opened[0]!;
  if (!empty) {
    await orm.schema.create();
  }
  return {
    ...model,
    kind,
    driver,
    database,
    orm,
    other: opened.at(-1)!,
    async end() {
      const closed = Promise.allSettled(closing.map(close => close()));
      if (
        (await limit(closed, 1_000)) === HANGS &&
        (driver === 'postgresql' || driver === 'mariadb' || driver === 'mysql')
      ) {
        // a lost connection keeps its pool from closing
        await killConnections(driver === 'mysql' ? 'mariadb' : driver, database.config);
      }
      await database.drop();
    },
  };
}

export const HANGS = 'hangs';

/** What `work` gives, or {@link HANGS}. */
export async function limit<T>(work: PromiseLike<T>, ms = LIMIT): Promise<T | typeof HANGS> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof HANGS>(resolve => (timer = setTimeout(resolve, ms, HANGS)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `look` gives something true; false when it takes too long. */
export async function until(look: () => Promise<boolean> | boolean): Promise<boolean> {
  const end = performance.now() + LIMIT;
  while (performance.now() < end) {
    if (await look()) {
      return true;
    }
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  return false;
}

/** What of an error an app can tell it by. A message may hold names of databases, and counts only where there is no code. */
export function describeError(error: unknown): { error: string; code: unknown } {
  const { code, errno, message } = error as { code?: unknown; errno?: unknown; message?: string };
  return { error: (error as object).constructor.name, code: code ?? errno ?? message };
}

/** How `work` fails; what it gives if it does not. */
export async function failure(work: Promise<unknown> | (() => unknown)): Promise<unknown> {
  try {
    return { resolved: await (typeof work === 'function' ? work() : work) };
  } catch (error) {
    return describeError(error);
  }
}

/** A promise that others wait for. */
export function createGate(): { opened: Promise<void>; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>(resolve => (open = resolve));
  return { opened, open };
}

/** The tables, for queries that an app writes with Kysely; one of them is not there. */
export interface Tables {
  author: { id: number; name: string };
  book: { id: number; title: string; author_id: number };
  nothing_of_this_name: { name: string };
}

/** Kysely as an app uses it, bound to the transaction of `em`, if there is one. */
export function kyselyOf(em: SqlOrm['em']): Kysely<Tables> {
  return em.getKysely() as unknown as Kysely<Tables>;
}

/** What the tables hold. */
export interface Rows {
  authors: { id: number; name: string }[];
  books: unknown[];
}

/** All rows, through the given ORM. */
export async function readTables(orm: SqlOrm): Promise<Rows> {
  const em = orm.em.fork();
  const authors = await em.execute('select id, name from author order by id');
  const books = await em.execute('select id, title, author_id from book order by id');
  return { authors: authors as Rows['authors'], books };
}
