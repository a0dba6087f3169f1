import { MikroORM as LibSqlORM } from '@mikro-orm/libsql';
import { MikroORM as PostgreSqlORM } from '@mikro-orm/postgresql';
import { MikroORM as SqliteORM, defineConfig, SqliteDriver } from '@mikro-orm/sqlite';
import { MikroORM } from '@mikro-orm/core';
import { expectTypeOf, test } from 'vitest';
import { mapOrmError, type MapOrmErrorOptions } from '../../src/problems/map-orm-error.js';
import { all, Org } from './fixtures/entities.js';

test('every kind of ORM is taken, as it is inferred', () => {
  const core = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: all });
  const sqlite = new SqliteORM({ dbName: ':memory:', entities: [Org] });
  const frozen = new SqliteORM(defineConfig({ dbName: ':memory:', entities: [Org] as const }));
  const libsql = new LibSqlORM({ dbName: ':memory:', entities: [Org] });
  const postgresql = new PostgreSqlORM({ dbName: 'app', entities: [Org] });
  for (const orm of [core, sqlite, frozen, libsql, postgresql]) {
    mapOrmError(null, { orm });
  }
  const singleton = Object.assign(async () => sqlite, { current: sqlite as typeof sqlite | undefined });
  mapOrmError(null, { orm: singleton, signal: undefined, typeBase: undefined, overrides: undefined });
  mapOrmError(null, { orm: undefined });
  expectTypeOf<{ orm: string }>().not.toExtend<MapOrmErrorOptions>();
});

test('an ORM with a readonly list of entities', () => {
  const listed = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: [Org] as readonly (typeof Org)[] });
  mapOrmError(null, { orm: listed });
});
