import { MikroORM, defineEntity, p } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { afterAll, expect, test } from 'vitest';
import { forkPerRequest, withRequestContext } from '../../src/index.js';
import { collectGarbage } from '../support/garbage.js';

const Note = defineEntity({ name: 'Note', tableName: 'note', properties: { id: p.integer().primary() } });
const orm = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: [Note], ensureDatabase: false });
afterAll(() => orm.close());

test('the same request gets the same fork, also from concurrent callers', async () => {
  const emOf = forkPerRequest(orm);
  const [one, two] = [new Request('http://a.example'), new Request('http://a.example')];
  const forks = await Promise.all([emOf(one), emOf(one), emOf(two)]);
  expect(forks[0]).toBe(forks[1]);
  expect(forks[0]).not.toBe(forks[2]);
  expect(await emOf(two)).toBe(forks[2]);
});

test('options may come from the request', async () => {
  const emOf = forkPerRequest(orm, (request: { tenant: string }) => ({ schema: request.tenant }));
  expect((await emOf({ tenant: 'acme' })).schema).toBe('acme');
});

test('forks from the global EntityManager, whatever runs around it', async () => {
  const emOf = forkPerRequest(orm);
  await withRequestContext(orm, async em => {
    em.create(Note, {});
    const fork = await emOf({});
    expect(fork.getUnitOfWork().getPersistStack().size).toBe(0);
    expect(fork.isInTransaction()).toBe(false);
  });
});

test('a fork that could not be made is not kept', async () => {
  let ready = false;
  const emOf = forkPerRequest(() => {
    if (!ready) throw new Error('not yet');
    return orm;
  });
  const request = {};
  await expect(emOf(request)).rejects.toThrow('not yet');
  ready = true;
  expect((await emOf(request)).config).toBe(orm.config);
});

test('what is no request is a clear error', async () => {
  await expect(forkPerRequest(orm)(undefined as never)).rejects.toThrow(/needs the request object, and got undefined/);
});

test('holds requests weakly', async () => {
  const emOf = forkPerRequest(orm);
  let request: object | undefined = {};
  const held = {};
  const [lost, kept] = [new WeakRef(await emOf(request)), new WeakRef(await emOf(held))];
  request = undefined;
  await collectGarbage();
  expect(lost.deref()).toBeUndefined();
  expect(kept.deref()).toBe(await emOf(held));
});
