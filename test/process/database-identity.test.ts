import { resolve } from 'node:path';
import { MikroORM, type IDatabaseDriver } from '@mikro-orm/core';
import { LibSqlDriver } from '@mikro-orm/libsql';
import { MariaDbDriver } from '@mikro-orm/mariadb';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { expect, test } from 'vitest';
import { identifyDatabase } from '../../src/process/database-identity.js';
import type { DatabaseConfig } from '../support/databases.js';

function identify(driver: unknown, config: object) {
  const base = { driver, entities: [], discovery: { warnWhenNoEntities: false } };
  return identifyDatabase(new MikroORM({ ...base, ...config } as DatabaseConfig) as MikroORM<IDatabaseDriver>);
}
const place = (driver: unknown, config: object): string => identify(driver, config).place;

test.each([
  [PostgreSqlDriver, 5432, 'postgres://u:p@127.0.0.1/app'],
  [MariaDbDriver, 3306, 'mysql://u:p@127.0.0.1/app'],
])('a server is told alike by URL and by settings', (driver, port, clientUrl) => {
  const byUrl = place(driver, { clientUrl });
  expect(byUrl).toBe(place(driver, { host: '127.0.0.1', port, user: 'u', password: 'p', dbName: 'app' }));
  expect(byUrl).toMatch(new RegExp(`u@127\\.0\\.0\\.1:${port}/app$`));
  expect(byUrl).not.toBe(place(driver, { clientUrl, driverOptions: { database: 'other' } }));
});

test('a file is told by its full path', () => {
  expect(place(SqliteDriver, { dbName: 'x.db' })).toBe(place(SqliteDriver, { dbName: `${process.cwd()}/./x.db` }));
  for (const [url, dbName] of [
    ['file:x.db', 'x.db'],
    ['file:x.db?mode=rwc', 'x.db'],
    ['file:a%20b.db', 'a b.db'],
    ['file:///tmp/x.db', '/tmp/x.db'],
  ]) {
    expect(identify(LibSqlDriver, { dbName: url }), url).toMatchObject({
      place: place(LibSqlDriver, { dbName }),
      file: resolve(dbName!),
    });
  }
  expect(identify(LibSqlDriver, { dbName: 'libsql://a.example' }).file, 'no file').toBeUndefined();
  expect(place(SqliteDriver, { dbName: 'x.db' }), 'but the driver counts').not.toBe(
    place(LibSqlDriver, { dbName: 'x.db' }),
  );
});

test.each([':memory:', 'file::memory:?cache=shared'])('%s is in memory', dbName => {
  expect(identify(SqliteDriver, { dbName })).toMatchObject({ inMemory: true, exclusive: true });
});

test('no credential of a URL is part of what errors show', () => {
  for (const dbName of ['libsql://u:PASSWORD@a.example?authToken=TOKEN', 'https://a.example/?authToken=TOKEN']) {
    const { place: database, inMemory } = identify(LibSqlDriver, { dbName });
    expect(database).toMatch(/a\.example\/?$/);
    expect(database).not.toMatch(/PASSWORD|TOKEN/);
    expect(inMemory).toBe(false);
  }
  expect(place(PostgreSqlDriver, { clientUrl: 'postgres://u:PASSWORD@h/app' })).not.toContain('PASSWORD');
});
