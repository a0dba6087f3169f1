import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import type { IDatabaseDriver, Options } from '@mikro-orm/core';
import { LibSqlDriver } from '@mikro-orm/libsql';
import { MariaDbDriver } from '@mikro-orm/mariadb';
import { MySqlDriver } from '@mikro-orm/mysql';
import { PgliteDriver } from '@mikro-orm/pglite';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { MikroORM } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { describe } from 'vitest';

/** The part of a MikroORM config that says which database. */
export type DatabaseConfig = Partial<Options<IDatabaseDriver>>;

/** A database of a test's own. */
export interface TestDatabase {
  config: DatabaseConfig;
  drop(): Promise<void>;
}

export const DRIVERS = ['sqlite', 'libsql', 'pglite', 'postgresql', 'mariadb', 'mysql'] as const;
export type DriverName = (typeof DRIVERS)[number];

/** Where the servers listen on 127.0.0.1. */
export const PORTS = {
  postgresql: Number(process.env['POSTGRESQL_PORT'] ?? 5432),
  mariadb: Number(process.env['MARIADB_PORT'] ?? 3306),
};
const SERVERS = {
  postgresql: { driver: PostgreSqlDriver, port: PORTS.postgresql, user: 'postgres', admin: 'postgres' },
  mariadb: { driver: MariaDbDriver, port: PORTS.mariadb, user: 'root', admin: 'test' },
  mysql: { driver: MySqlDriver, port: PORTS.mariadb, user: 'root', admin: 'test' },
};
const EMBEDDED = { sqlite: SqliteDriver, libsql: LibSqlDriver };

let count = 0;

/** Makes an empty database: a file in a temporary folder, or one on the server. */
export async function createDatabase(name: DriverName): Promise<TestDatabase> {
  if (name === 'pglite') {
    return { config: { driver: PgliteDriver, dbName: 'memory://' } as DatabaseConfig, drop: async () => undefined };
  }
  if (name === 'sqlite' || name === 'libsql') {
    const folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
    return {
      config: { driver: EMBEDDED[name], dbName: join(folder, 'test.db') } as DatabaseConfig,
      drop: () => rm(folder, { recursive: true, force: true }),
    };
  }
  const { driver, port, user, admin } = SERVERS[name];
  const dbName = `mow_${process.pid}_${count++}_${Date.now().toString(36)}`;
  const server = { driver, host: '127.0.0.1', port, user, password: '' } as DatabaseConfig;
  await onServer({ ...server, dbName: admin }, `create database ${dbName}`);
  return {
    config: { ...server, dbName },
    drop: () =>
      onServer(
        { ...server, dbName: admin },
        `drop database if exists ${dbName}${name === 'postgresql' ? ' with (force)' : ''}`,
      ),
  };
}

/** Runs SQL on a connection of its own, and returns the rows. */
export async function onServer<T = void>(config: DatabaseConfig, sql: string): Promise<T> {
  const orm = new MikroORM({
    ...config,
    entities: [],
    discovery: { warnWhenNoEntities: false },
    ensureDatabase: false,
  });
  try {
    return (await orm.driver.getConnection().execute(sql)) as T;
  } finally {
    await orm.close();
  }
}

/** Names of the databases on a server whose names begin with that of `config`, and an underscore. */
export async function listDerived(name: DriverName, config: DatabaseConfig): Promise<string[]> {
  const text = {
    postgresql: `select datname as name from pg_database where starts_with(datname, '${config.dbName}_')`,
    mysql: `select schema_name as name from information_schema.schemata where left(schema_name, ${config.dbName!.length + 1}) = '${config.dbName}_'`,
  }[name === 'postgresql' ? 'postgresql' : 'mysql'];
  return (await onServer<{ name: string }[]>(adminOf(name, config), text)).map(row => row.name);
}

/** Drops these: templates outlive the tests that have made them. Those of embedded databases go with their folder. */
export async function dropDerived(name: DriverName, config: DatabaseConfig): Promise<void> {
  if (name in SERVERS) {
    for (const derived of await listDerived(name, config)) {
      await onServer(adminOf(name, config), `drop database if exists ${derived}`);
    }
  }
}

/** The same server, by a database that is always there. */
export const adminOf = (name: DriverName, config: DatabaseConfig): DatabaseConfig => ({
  ...config,
  dbName: SERVERS[name as keyof typeof SERVERS].admin,
});

/** Ends connections to a database, at random; returns how many. */
export async function killConnections(
  name: 'postgresql' | 'mariadb',
  config: DatabaseConfig,
  limit = 100,
): Promise<number> {
  if (name === 'postgresql') {
    const ended = await onServer<unknown[]>(
      { ...config, dbName: 'postgres' },
      `select pg_terminate_backend(pid) from (select pid from pg_stat_activity where datname = '${config.dbName}' order by random() limit ${limit}) as victims`,
    );
    return ended.length;
  }
  const admin = { ...config, dbName: 'test' };
  const rows = await onServer<{ id: number }[]>(
    admin,
    `select id from information_schema.processlist where db = '${config.dbName}' order by rand() limit ${limit}`,
  );
  for (const { id } of rows) {
    await onServer(admin, `kill ${id}`).catch(() => undefined); // gone by itself
  }
  return rows.length;
}

/** Set by `npm run test:quick`, which knows no servers: neither those that answer nor those that are missing. */
const EMBEDDED_ONLY = process.env['TEST_DRIVERS'] === 'embedded';

/** Whether the server of this driver answers; embedded databases always do. */
export function isReachable(name: DriverName): Promise<boolean> {
  if (!(name in SERVERS) || EMBEDDED_ONLY) {
    return Promise.resolve(!(name in SERVERS));
  }
  return new Promise(resolve => {
    const socket = connect(SERVERS[name as keyof typeof SERVERS].port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

/** Leaves out all other drivers: a cell of the matrix is about one or two. */
const chosen = process.env['TEST_DRIVERS']?.split(',');

/** `describe` for a driver: skips loudly where its server does not answer; with REQUIRE_ALL=1 that is a failure. */
export async function describeDriver(name: DriverName, suite: (name: DriverName) => void): Promise<void> {
  if (chosen && !chosen.includes(name)) {
    describe.skip(name, () => suite(name));
    return;
  }
  const reachable = await isReachable(name);
  if (!reachable && !EMBEDDED_ONLY && process.env['REQUIRE_ALL'] === '1') {
    throw new Error(`REQUIRE_ALL=1, and the server for ${name} does not answer on 127.0.0.1`);
  }
  if (!reachable && !EMBEDDED_ONLY) {
    console.warn(`SKIPPED: no server for ${name} answers on 127.0.0.1`);
  }
  describe.skipIf(!reachable)(name, () => suite(name));
}
