import { readFileSync } from 'node:fs';
import { defineEntity, DriverException, MikroORM, p } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { describe, expect, test } from 'vitest';
import { mapOrmError } from '../../../src/problems/map-orm-error.js';
import type { OrmProblem } from '../../../src/problems/problem-codes.js';

/** An error of D1 or of a Durable Object's SQLite, as workerd 2026-07-30 threw it: a plain Error, and nothing but a message. */
interface Recording {
  database: 'D1' | 'Durable Object';
  id: string;
  message: string;
  expect: Partial<OrmProblem>;
}

const recordings = JSON.parse(
  readFileSync(new URL('../fixtures/cloudflare-errors.json', import.meta.url), 'utf8'),
) as Recording[];

// those that the recorded tables belong to
const User = defineEntity({
  name: 'User',
  properties: {
    id: p.integer().primary(),
    email: p.string().unique(),
    fullName: p.string(),
    age: p.integer().nullable(),
  },
  uniques: [{ properties: ['fullName', 'age'] }],
  checks: [{ property: 'age', expression: 'age >= 0' }],
});
const Tag = defineEntity({ name: 'Tag', properties: { id: p.integer().primary(), name: p.string().unique() } });
const Article = defineEntity({
  name: 'Article',
  properties: { id: p.integer().primary(), author: () => p.manyToOne(User), tags: () => p.manyToMany(Tag) },
});
const orm = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: [User, Tag, Article] });

/** As a minifier leaves MikroORM's exceptions: by another name, whatever their kind. */
class a extends DriverException {}

describe.each(recordings)('$database: $id', ({ database, message, expect: expected }) => {
  const cause = database === 'D1' ? new Error(message.replace(/^D1_\w+: /, '')) : undefined;
  const wanted = { retryable: false, ...expected };

  // with nothing that says whose it is, but a code or D1's prefix
  const isKnown = /SQLITE_|^D1_/.test(message);
  test('as it was thrown', () => {
    const found = mapOrmError(new Error(message, { cause }), { orm });
    expect(found ?? null).toEqual(isKnown ? expect.objectContaining(wanted) : null);
  });

  test('as MikroORM converts it, minified', () => {
    expect(mapOrmError(new a(new Error(message, { cause })), { orm })).toMatchObject(wanted);
    expect(mapOrmError(new a(new Error(message, { cause })))).not.toHaveProperty('entity');
  });
});

describe('sentences without a code', () => {
  const cases: [message: string, code: string, retryable: boolean][] = [
    ['D1_ERROR: D1 DB is overloaded. Requests queued for too long.', 'database-overloaded', true],
    ['D1 DB is overloaded. Too many requests queued.', 'database-overloaded', true],
    ['Durable Object is overloaded. Too many requests queued.', 'database-overloaded', true],
    ['D1_ERROR: Network connection lost.', 'database-unavailable', false],
    ['D1_ERROR: D1 DB reset because its code was updated.', 'database-unavailable', false],
    ['Durable Object reset because its code was updated.', 'database-unavailable', false],
    [
      'D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.',
      'database-unavailable',
      false,
    ],
    ['D1 DB storage operation exceeded timeout which caused object to be reset.', 'database-unavailable', false],
    [
      'Durable Object storage operation exceeded timeout which caused object to be reset.',
      'database-unavailable',
      false,
    ],
    ["D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset.", 'database-unavailable', false],
    ['D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.', 'database-unavailable', false],
    ['D1_ERROR: D1 DB exceeded its CPU time limit and was reset.', 'query-timeout', false],
    ['D1_ERROR: Exceeded maximum DB size', 'storage-full', false],
    ['proxy request failed, cannot connect to the specified address', 'database-unavailable', false],
  ];

  test.each(cases)('%s', (message, code, retryable) => {
    expect(mapOrmError(new Error(message))).toMatchObject({ code, retryable });
    expect(mapOrmError(new a(new Error(message)), { orm })).toMatchObject({ code, retryable });
    expect(mapOrmError(new Error('could not save', { cause: new Error(message) }))).toMatchObject({ code });
  });

  test.each(['Network connection lost.', 'connection attempt failed'])(
    '%s, which fetch says as well, only of a database',
    message => {
      const postgresql = new MikroORM({ driver: PostgreSqlDriver, dbName: 'app', entities: [User, Tag, Article] });
      expect(mapOrmError(new Error(message), { orm: postgresql })).toBe(undefined);
      expect(mapOrmError(new a(new Error(message)), { orm: postgresql })).toMatchObject({
        code: 'database-unavailable',
      });
    },
  );
});

test('text of an application that ends like a message of SQLite has to be one', () => {
  for (const message of ['see: SQLITE_BUSY in the docs', 'SQLITE_CONSTRAINT', 'D1_ERRORS are bad']) {
    expect(mapOrmError(new Error(message), { orm })).toBe(undefined);
  }
});
