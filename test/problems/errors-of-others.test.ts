import { MikroORM, NodeSqliteDialect, type SqlEntityManager } from '@mikro-orm/sql';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { createRequire } from 'node:module';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { mapOrmError } from '../../src/problems/map-orm-error.js';
import { all } from './fixtures/entities.js';
import { orms } from './fixtures/recordings.js';

const make = (message: string, own: object, ...frames: string[]): Error => {
  const error = Object.assign(new Error(message), own);
  if (frames.length > 0) {
    error.stack = `Error: ${message}\n${frames.map(frame => `    at ${frame}`).join('\n')}`;
  }
  return error;
};
const caught = (work: () => unknown): unknown => {
  try {
    return expect.fail(`did not throw: ${String(work())}`);
  } catch (error) {
    return error;
  }
};

/** With the ORM of every database, and without one. */
const everywhere = [undefined, ...Object.values(orms)];

describe('severity and five characters are no SQLSTATE of PostgreSQL', () => {
  test.each([
    { code: '22000', severity: 'low' },
    { code: '40001', severity: 'warning' },
    { code: '40001', severity: 'error' },
    { code: '40001', severity: 'HIGH' },
    { code: '40001', severity: 'CRITICAL' },
    { code: '53300', severity: 'Fatal', file: 'app.js' },
    { code: '40001', severity: 5 },
    { code: '40001', severity: 'low', routine: 'check', file: 'a.c', line: '1' },
  ])('%o', own => {
    for (const orm of everywhere) {
      expect(mapOrmError(make('x', own), { orm })).toBeUndefined();
    }
  });

  test('but a server in another language is one', () => {
    const server = {
      code: '40001',
      file: 'predicate.c',
      line: '4645',
      routine: 'OnConflict_CheckForSerializationFailure',
    };
    for (const severity of ['ERROR', 'FEHLER', 'ОШИБКА', '错误']) {
      expect(mapOrmError(make('x', { ...server, severity }))).toMatchObject({
        code: 'transaction-conflict',
        retryable: true,
      });
    }
  });
});

describe('node:sqlite', () => {
  const cacheOf = (table: string): unknown => {
    const cache = new DatabaseSync(':memory:');
    cache.exec(`create table ${table} (display_name text primary key); insert into ${table} values ('a')`);
    return caught(() => cache.prepare(`insert into ${table} values (?)`).run('a'));
  };

  test('a cache of the application is its own', () => {
    for (const orm of everywhere) {
      expect(mapOrmError(cacheOf('cache'), { orm })).toBeUndefined();
      expect(
        mapOrmError(
          caught(() => new DatabaseSync(':memory:').exec('select nope')),
          { orm },
        ),
      ).toBeUndefined();
    }
  });

  test('a cache of the application that a transaction of the ORM fills, too', async () => {
    const orm = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: all });
    const error: unknown = await orm.em
      .fork()
      .transactional(async () => Promise.reject(cacheOf('cache')))
      .catch((thrown: unknown) => thrown);
    expect(mapOrmError(error, { orm })).toBeUndefined();
    await orm.close();
  });

  test('the database of the ORM is not', async () => {
    const orm = new MikroORM({
      driver: SqliteDriver,
      dbName: ':memory:',
      entities: all,
      driverOptions: new NodeSqliteDialect(':memory:'),
    });
    const em = orm.em.fork() as SqlEntityManager;
    await em.getConnection().execute('create table orgs (display_name text primary key)');
    const insert = () => em.getConnection().execute("insert into orgs values ('a')");
    await insert();
    const error: unknown = await insert().catch((thrown: unknown) => thrown);
    expect(mapOrmError(error)?.code).toBe('unique-violation');
    expect(mapOrmError(error, { orm })).toMatchObject({ code: 'unique-violation', properties: ['displayName'] });
    await orm.close();
  });
});

test('better-sqlite3, closed: the application’s own, and the ORM’s', async () => {
  interface Database {
    close(): void;
    prepare(sql: string): unknown;
  }
  const Sqlite = createRequire(import.meta.url)('better-sqlite3') as new (file: string) => Database;
  const cache = new Sqlite(':memory:');
  cache.close();
  const own = caught(() => cache.prepare('select 1'));
  expect(String(own)).toMatch(/The database connection is not open/);
  expect(mapOrmError(own)).toBeUndefined();

  const orm = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: all });
  const em = orm.em.fork() as SqlEntityManager;
  await em.getConnection().execute('select 1');
  const connection = em.getConnection() as unknown as { getNativeClient?(): Database; database?: Database };
  const native = connection.database ?? connection.getNativeClient?.();
  native?.close();
  const error: unknown = await em
    .getConnection()
    .execute('select 1')
    .catch((thrown: unknown) => thrown);
  expect(mapOrmError(error)?.code).toBe('database-unavailable');
});

describe('another library with a database of its own', () => {
  const duplicate = { code: 11000, errorLabelSet: new Set(), keyPattern: { email: 1 }, errorResponse: { code: 11000 } };
  const mongoose = [
    'InsertOneOperation.handleOk (/app/node_modules/mongodb/lib/operations/insert.js:39:19)',
    'process.processTicksAndRejections (node:internal/process/task_queues:104:5)',
    'async NativeCollection.<computed> [as insertOne] (/app/node_modules/mongoose/lib/drivers/node-mongodb-native/collection.js:1:1)',
  ];

  test('mongoose', () => {
    const error = make('E11000 duplicate key error collection: app.users index: email_1', duplicate, ...mongoose);
    for (const orm of everywhere) {
      expect(mapOrmError(error, { orm })).toBeUndefined();
    }
    const refused = make('connect ECONNREFUSED 127.0.0.1:27017', { code: 'ECONNREFUSED', port: 27017 });
    expect(mapOrmError(Object.assign(make('x', {}, ...mongoose), { cause: refused }))).toBeUndefined();
  });

  test('MikroORM on MongoDB is ours, also where mongoose calls it', () => {
    const own = 'async MongoConnection.runQuery (/app/node_modules/@mikro-orm/mongodb/MongoConnection.js:1:1)';
    const error = make('E11000 duplicate key error collection: app.users index: x', duplicate, mongoose[0]!, own);
    expect(mapOrmError(error)?.code).toBe('unique-violation');
    error.stack += `\n    at ${mongoose[2]}`;
    expect(mapOrmError(error)?.code).toBe('unique-violation');
  });

  test('TypeORM, Drizzle and Knex on PostgreSQL', () => {
    for (const path of [
      'typeorm/driver/postgres/PostgresQueryRunner.js',
      'drizzle-orm/pg-core/session.js',
      'knex/lib/client.js',
    ]) {
      const frames = ['/app/node_modules/pg/lib/client.js:694:17', `async query (/app/node_modules/${path}:1:1)`];
      expect(mapOrmError(make('x', { code: '23505', severity: 'ERROR' }, ...frames)), path).toBeUndefined();
    }
  });

  test('a driver that the ORM does not use, called by the application', () => {
    const frames = ['/app/node_modules/pg/lib/client.js:694:17', 'async report (/app/src/warehouse.js:1:1)'];
    const error = make('x', { code: '40001', severity: 'ERROR' }, ...frames);
    expect(mapOrmError(error, { orm: orms.sqlite })).toBeUndefined();
    expect(mapOrmError(error, { orm: orms.mariadb })).toBeUndefined();
    expect(mapOrmError(error, { orm: orms.postgresql })?.code).toBe('transaction-conflict');
    error.stack +=
      '\n    at async PostgresConnection.executeQuery (file:///app/node_modules/kysely/dist/driver.js:1:1)';
    expect(mapOrmError(error, { orm: orms.sqlite })?.code).toBe('transaction-conflict');
  });
});

describe('words that many libraries use', () => {
  test.each([
    'Connection terminated',
    'Connection terminated unexpectedly',
    'Pool is closed.',
    'No connections available.',
    'Query read timeout',
    'Queue limit reached.',
    "Can't send in closed state",
  ])('%s', message => {
    const redis = 'Socket.<anonymous> (/app/node_modules/redis/lib/client.js:1:1)';
    const forged = `${message}\n    at Client.query (/app/node_modules/pg/lib/client.js:1:1)`;
    for (const orm of everywhere) {
      expect(mapOrmError(make(message, {}), { orm })).toBeUndefined();
      expect(mapOrmError(make(message, {}, redis), { orm })).toBeUndefined();
      expect(mapOrmError(make(forged, {}), { orm })).toBeUndefined();
    }
  });

  test('are the database’s where its driver says them', () => {
    const pg = make(
      'Connection terminated unexpectedly',
      {},
      'Client.<anonymous> (/app/node_modules/pg/lib/client.js:1:1)',
    );
    expect(mapOrmError(pg)?.code).toBe('database-unavailable');
    const mysql = make('Pool is closed.', {}, 'Pool.getConnection (/app/node_modules/mysql2/lib/base/pool.js:1:1)');
    expect(mapOrmError(mysql)?.code).toBe('database-unavailable');
  });
});
