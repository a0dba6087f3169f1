/** What a condition is, and the database that it is provoked on. */
import { MikroORM, type EntityManager, type Options } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sqlite';
import type { OrmProblem } from '../../../src/problems/problem-codes.js';
import { createDatabase, type DatabaseConfig, type DriverName } from '../../support/databases.js';
import { entities, Member, Team } from './schema.js';

export type Expected = Pick<OrmProblem, 'status' | 'code' | 'retryable' | 'entity' | 'properties' | 'retryAfter'>;

/** Ways to provoke a condition. What begins with `raw` reaches the caller as the driver threw it. */
export type Ways = Record<string, () => Promise<unknown>>;

export interface Condition {
  readonly name: string;
  /** The drivers that can do it. */
  readonly on: readonly DriverName[];
  readonly expected: Expected | ((driver: DriverName, way: string) => Expected);
  readonly ways: (lab: Lab) => Ways | Promise<Ways>;
}

/** One database with two teams and two members. */
export interface Lab {
  readonly driver: DriverName;
  readonly config: DatabaseConfig;
  readonly orm: MikroORM;
  /** A fresh fork. */
  em(orm?: MikroORM): SqlEntityManager;
  /** SQL that MikroORM passes on as it is; in the transaction of a fork, if one is given. */
  run(sql: string, em?: EntityManager): Promise<unknown>;
  /** Another ORM on the same database, with some settings changed. */
  open(more: DatabaseConfig): MikroORM;
  /** For the end, in reverse order; the database itself goes last. */
  later(work: () => Promise<unknown>): void;
}

export async function openLab(driver: DriverName): Promise<{ lab: Lab; close: () => Promise<void> }> {
  const { config: base, drop } = await createDatabase(driver);
  const config: DatabaseConfig = {
    ...base,
    entities: [...entities],
    ensureDatabase: false,
    logger: () => undefined,
    ...(await prepared(driver)),
  };
  const cleanup: (() => Promise<unknown>)[] = [drop];
  const open = (more: DatabaseConfig): MikroORM => {
    const orm = new MikroORM({ ...config, ...more } as Options);
    cleanup.push(() => closed(orm));
    return orm;
  };
  const orm = open({});
  const lab: Lab = {
    driver,
    config,
    orm,
    open,
    em: (from = orm) => from.em.fork() as EntityManager as SqlEntityManager,
    run: (sql, em = orm.em) =>
      (em as SqlEntityManager)
        .getConnection()
        .execute(sql, [], 'all', (em as SqlEntityManager).getTransactionContext()),
    later: work => cleanup.push(work),
  };
  const close = async (): Promise<void> => {
    const failed: unknown[] = [];
    for (const work of cleanup.reverse()) {
      await work().catch((error: unknown) => failed.push(error));
    }
    if (failed.length > 0) {
      throw new AggregateError(failed, 'could not clean up');
    }
  };
  if (driver !== 'pglite') {
    await fill(orm).catch(async (error: unknown) => {
      await close();
      throw error;
    });
  }
  return { lab, close };
}

async function fill(orm: MikroORM): Promise<void> {
  await orm.schema.create();
  const em = orm.em.fork();
  await em.insertMany(Team, [
    { id: 1, slug: 'one' },
    { id: 2, slug: 'two' },
  ]);
  await em.insertMany(Member, [
    { id: 1, email: 'ada@a.example', nickName: 'ada', firstName: 'Ada', lastName: 'L', team: 1 },
    { id: 2, email: 'bob@a.example', nickName: 'bob' },
  ] as never);
}

let image: Promise<Blob> | undefined;

/** PGlite takes seconds to make a cluster, and a fraction of one to load the image of a cluster. */
async function prepared(driver: DriverName): Promise<DatabaseConfig> {
  if (driver !== 'pglite') {
    return {};
  }
  image ??= (async () => {
    const { config } = await createDatabase('pglite');
    const orm = new MikroORM({ ...config, entities: [...entities] });
    await fill(orm);
    const connection = orm.driver.getConnection() as unknown as {
      getNativeClient(): Promise<{ dumpDataDir(c: string): Promise<Blob> }>;
    };
    const blob = await (await connection.getNativeClient()).dumpDataDir('none');
    await orm.close();
    return blob;
  })();
  const loadDataDir = await image;
  return { driverOptions: () => ({ loadDataDir }) };
}

/** A pool waits for a connection that was killed inside a transaction, for ever: so long does no test. */
const closed = (orm: MikroORM): Promise<unknown> =>
  Promise.race([orm.close(true), new Promise(resolve => setTimeout(resolve, 500).unref())]);

/** Another name for each use: users and roles belong to the whole server. */
let users = 0;
export const userName = (): string => `mow_u${process.pid}_${users++}`;

export const EVERY: readonly DriverName[] = ['sqlite', 'libsql', 'pglite', 'postgresql', 'mariadb', 'mysql'];
export const SQLITE: readonly DriverName[] = ['sqlite', 'libsql'];
export const POSTGRES: readonly DriverName[] = ['pglite', 'postgresql'];
export const MYSQL: readonly DriverName[] = ['mariadb', 'mysql'];
export const SERVERS: readonly DriverName[] = ['postgresql', ...MYSQL];
export const isMysql = (driver: DriverName): boolean => MYSQL.includes(driver);
export const isSqlite = (driver: DriverName): boolean => SQLITE.includes(driver);
