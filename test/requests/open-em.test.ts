import { inspect } from 'node:util';
import { MikroORM, RequestContext, defineEntity, p } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOrmSingleton, openEm, withRequestContext } from '../../src/index.js';
import { createDatabase } from '../support/databases.js';

const Note = defineEntity({
  name: 'Note',
  tableName: 'note',
  properties: { id: p.integer().primary(), tenant: p.integer() },
  filters: { tenant: { name: 'tenant', cond: ({ id }: { id: number }) => ({ tenant: id }), default: false } },
});
const orm = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: [Note], ensureDatabase: false });
beforeAll(() => orm.schema.create());
afterAll(() => orm.close());

test('joins nothing and inherits nothing, and no context runs around the caller', async () => {
  const outside = await openEm(orm);
  expect(RequestContext.getEntityManager()).toBeUndefined();
  outside.end();
  await withRequestContext(
    orm,
    async em => {
      em.create(Note, { tenant: 1 });
      const { em: own, end } = await openEm(orm);
      expect(own).not.toBe(em);
      expect(own.schema).toBeUndefined();
      expect(own.getFilterParams('tenant')).toBeUndefined();
      expect(own.getUnitOfWork().getPersistStack().size).toBe(0);
      expect(RequestContext.getEntityManager()).toBe(em);
      end();
    },
    { schema: 'a', filters: { tenant: { id: 1 } } },
  );
  await orm.em.fork().transactional(async () => {
    const { em, end } = await openEm(orm);
    expect(em.isInTransaction()).toBe(false);
    end();
  });
});

test('takes the options of a fork, and filters', async () => {
  await using request = await openEm(orm, { schema: 'b', filters: { tenant: { id: 2 } } });
  expect(request.em.schema).toBe('b');
  expect(request.em.getFilterParams('tenant')).toEqual({ id: 2 });
});

test('close({ drain }) waits for its end; ending twice is ending once', async () => {
  const database = await createDatabase('sqlite');
  const singleton = createOrmSingleton({ ...database.config, entities: [Note] }, { name: 'open-em' });
  const [first, second] = [await openEm(singleton), await openEm(singleton)];
  first.end();
  first.end(); // which must not be taken for the second's end
  let isClosed = false;
  const closing = singleton.close({ drain: 60_000 }).then(() => (isClosed = true));
  expect(await second.em.getConnection().execute('select 1 as one')).toEqual([{ one: 1 }]);
  expect((await singleton.check()).database.reason, 'it drains').toBe('database-unavailable');
  expect(isClosed).toBe(false);
  await second[Symbol.asyncDispose]();
  await closing;
  await expect(openEm(singleton)).rejects.toMatchObject({ code: 'ORM_CLOSED' });
  await database.drop();
});

test('refuses a session that MikroORM would not find', async () => {
  const config = { driver: PostgreSqlDriver, dbName: 'none', entities: [Note], ensureDatabase: false };
  const session = { variables: { 'app.tenant': '1' } };
  const byConnection = new MikroORM({ ...config, sessionContext: 'connection' });
  await expect(openEm(byConnection, { session })).rejects.toThrow(/sessionContext: 'connection'.*withRequestContext/);
  const byTransaction = new MikroORM({ ...config, sessionContext: 'transaction' });
  expect((await openEm(byTransaction, { session })).em.getSessionContext()).toMatchObject(session);
});

test('failOnUse: an EntityManager that cannot be opened fails where it is used', async () => {
  const away = new Error('The database is out of reach.');
  let isAway = true;
  const source = () => (isAway ? Promise.reject(away) : orm);
  await expect(openEm(source)).rejects.toBe(away);
  await using request = await openEm(source, { failOnUse: true });
  const em = await Promise.resolve(request.em); // kept, passed on and logged as any other
  expect(inspect({ em })).toBe('{ em: {} }');
  expect(() => em.find(Note, {})).toThrow(away);
  expect(() => (em.schema = 'b')).toThrow(away);
  expect(() => 'schema' in em).toThrow(away);
  request.end();

  isAway = false;
  await using next = await openEm(source, { failOnUse: true, schema: 'c' });
  expect(next.em.schema, 'which opens otherwise').toBe('c');
});

test('what is no ORM is a clear error', async () => {
  await expect(openEm({} as never)).rejects.toThrow(/openEm got no ORM/);
});
