import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { MikroORM } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { createDatabase, isReachable, onServer, type DatabaseConfig } from '../../support/databases.ts';
import type { Env } from './next-app.js';

type SqlConnection = ReturnType<PostgreSqlDriver['getConnection']>;

/** The two copies of the domain in the fixture app. */
export const PATTERNS = ['ours', 'guide'] as const;
export type Pattern = (typeof PATTERNS)[number];

const reachable = await isReachable('postgresql');
if (!reachable && process.env['REQUIRE_ALL'] === '1') {
  throw new Error('REQUIRE_ALL=1, and the server for postgresql does not answer on 127.0.0.1');
}
/** The drivers of the fixture app whose databases are there. */
export const DRIVERS: readonly Driver[] = reachable ? ['sqlite', 'postgresql'] : ['sqlite'];
export type Driver = 'sqlite' | 'postgresql';

/** `pool.max` of the fixture app. */
export const POOL_MAX = 4;
/** What the server grants to one app: the guide's pattern would take every connection of a server that others use, too. */
const CONNECTION_LIMIT = 20;

/** An empty database for one pattern of the fixture app. */
export interface AppDatabase {
  /** Points this pattern of the app here. */
  env: Env;
  /** The file of SQLite. */
  file: string | undefined;
  query<T>(sql: string): Promise<T[]>;
  /** Runs statements as one script, on one connection. */
  script(sql: string): Promise<void>;
  /** Names in the migrations table, in the order of their runs; none where there is no such table. */
  recorded(): Promise<string[]>;
  drop(): Promise<void>;
}

export async function createAppDatabase(driver: Driver, pattern: Pattern): Promise<AppDatabase> {
  const prefix = pattern === 'guide' ? 'GUIDE_' : '';
  const database = await createDatabase(driver);
  const { config } = database;
  const query = <T>(sql: string): Promise<T[]> => onServer<T[]>(config, sql);
  const script = async (sql: string): Promise<void> => {
    const orm = new MikroORM({ ...config, entities: [], discovery: { warnWhenNoEntities: false } });
    try {
      await (orm.driver.getConnection() as SqlConnection).executeDump(sql);
    } finally {
      await orm.close();
    }
  };
  const recorded = async (): Promise<string[]> => {
    const rows = await query<{ name: string }>('select name from mikro_orm_migrations order by id').catch(() => []);
    return rows.map(({ name }) => name);
  };
  if (driver === 'sqlite') {
    const file = String(config.dbName);
    return { env: { [`${prefix}DATABASE_FILE`]: file }, file, query, script, recorded, drop: database.drop };
  }
  const name = config.dbName!;
  await onServer(config, `create role ${name} login connection limit ${CONNECTION_LIMIT}`);
  await onServer(config, `alter database ${name} owner to ${name}`);
  return {
    env: { [`${prefix}DATABASE_URL`]: `postgres://${name}@${config.host}:${config.port}/${name}` },
    file: undefined,
    query,
    script,
    recorded,
    async drop() {
      await database.drop();
      await onServer(admin(config), `drop role ${name}`);
    },
  };
}

/** Counts the connections that the app has at PostgreSQL, again and again. */
export interface BackendWatch {
  now(): Promise<number>;
  max(): number;
  stop(): Promise<void>;
}

export async function watchBackends(database: AppDatabase): Promise<BackendWatch> {
  const { username, hostname, port } = new URL(Object.values(database.env)[0]!);
  const orm = new MikroORM({
    ...admin({ driver: PostgreSqlDriver, host: hostname, port: Number(port), user: 'postgres' } as DatabaseConfig),
    entities: [],
    discovery: { warnWhenNoEntities: false },
    ensureDatabase: false,
    pool: { min: 1, max: 1 },
  });
  let max = 0;
  let running = true;
  const now = async (): Promise<number> => {
    const sql = `select count(*)::int as n from pg_stat_activity where usename = '${username}'`;
    const [row] = (await orm.driver.getConnection().execute(sql)) as [{ n: number }];
    max = Math.max(max, row.n);
    return row.n;
  };
  const watching = (async () => {
    while (running) {
      await now();
      await sleep(15);
    }
  })();
  return {
    now,
    max: () => max,
    async stop() {
      running = false;
      await watching;
      await orm.close();
    },
  };
}

function admin(config: DatabaseConfig): DatabaseConfig {
  return { ...config, dbName: 'postgres' };
}

/** Stands where a database could be, and counts who comes. */
export async function listen(): Promise<{ url: string; connections(): number; close(): Promise<void> }> {
  let connections = 0;
  const server = createServer(socket => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return {
    url: `postgres://nobody@127.0.0.1:${(server.address() as AddressInfo).port}/nothing`,
    connections: () => connections,
    close: () => new Promise(done => server.close(() => done())),
  };
}
