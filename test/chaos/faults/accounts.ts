import { MikroORM, type EntityManager } from '@mikro-orm/core';
import { afterAll } from 'vitest';
import { onServer, type DatabaseConfig, type TestDatabase } from '../../support/databases.js';
import { startServer, type OwnServer } from '../../support/servers.js';
import { REQUESTS } from './app-process.js';
import type { Settings } from './app.js';

const common = new Map<Settings['driver'], Promise<OwnServer>>();
afterAll(async () => {
  for (const server of common.values()) {
    await (await server).remove();
  }
});

/** The server of all apps of a file that do nothing to it: together they have more connections than the usual one takes. */
export function commonServer(driver: Settings['driver']): Promise<OwnServer> {
  let server = common.get(driver);
  if (!server) {
    server = startServer(driver, 500).then(async started => {
      await (driver === 'mariadb' && onServer(started.admin, 'create database test'));
      return started;
    });
    common.set(driver, server);
  }
  return server;
}

let databases = 0;
async function createOnCommon(driver: Settings['driver']): Promise<TestDatabase> {
  const { admin } = await commonServer(driver);
  const dbName = `accounts_${databases++}`;
  await onServer(admin, `create database ${dbName}`);
  return { config: { ...admin, dbName }, drop: async () => undefined };
}

/** Makes a database with an account for each request, and rows that are long. */
export async function createAccounts(
  driver: Settings['driver'],
  server: OwnServer | undefined,
  rows = 0,
): Promise<TestDatabase> {
  const database = server ? await createOn(server) : await createOnCommon(driver);
  const series = (count: number): string =>
    driver === 'postgresql'
      ? `generate_series(0, ${count - 1}) as s(n)`
      : `(select seq as n from seq_0_to_${count - 1}) as s`;
  await onServer(database.config, 'create table accounts (id integer primary key, balance integer not null)');
  await onServer(database.config, 'create table long_rows (id integer primary key, text text not null)');
  await onServer(database.config, `insert into accounts select n, 0 from ${series(REQUESTS)}`);
  if (rows > 0) {
    await onServer(database.config, `insert into long_rows select n, repeat('x', 4000) from ${series(rows)}`);
  }
  return database;
}

/** On a server of its own, for a user who may do nothing that is special: others may write where nobody else may. */
async function createOn({ admin, name }: OwnServer): Promise<TestDatabase> {
  const statements = {
    postgresql: ['create role app login', 'create database app owner app'],
    mariadb: ['create database app', `create user app@'127.0.0.1'`, `grant all on app.* to app@'127.0.0.1'`],
  };
  for (const sql of statements[name]) {
    await onServer(admin, sql);
  }
  return { config: { ...admin, user: 'app', dbName: 'app' }, drop: async () => undefined };
}

/** Takes all connections that the server has for such a user; gives them back when asked to. */
export async function fill(config: DatabaseConfig): Promise<() => Promise<void>> {
  const orm = new MikroORM({
    ...config,
    entities: [],
    discovery: { warnWhenNoEntities: false },
    ensureDatabase: false,
    pool: { min: 0, max: 100 },
  });
  const forks: EntityManager[] = [];
  for (;;) {
    const em = orm.em.fork();
    const error = await em.begin().then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    if (error) {
      if (!/too many|remaining connection slots/i.test(error.message)) {
        throw error;
      }
      break;
    }
    forks.push(em);
  }
  return async () => {
    await Promise.all(forks.map(em => em.rollback()));
    await orm.close();
  };
}
