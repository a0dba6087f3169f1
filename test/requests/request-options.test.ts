import { AsyncLocalStorage } from 'node:async_hooks';
import { MikroORM, RequestContext, defineEntity, p, type EntityManager } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { retryTransaction, withRequestContext } from '../../src/index.js';

const Owner = defineEntity({
  name: 'Owner',
  tableName: 'owner',
  properties: { id: p.integer().primary(), name: p.string(), secret: p.boolean() },
  filters: { pub: { name: 'pub', cond: { secret: false }, default: false } },
});
const Row = defineEntity({
  name: 'Row',
  tableName: 'row',
  properties: { id: p.integer().primary(), tenant: p.integer(), name: p.string(), owner: () => p.manyToOne(Owner) },
  filters: { tenant: { name: 'tenant', cond: ({ id }: { id: number }) => ({ tenant: id }), default: false } },
});

const config = (more: object = {}) => ({
  driver: SqliteDriver,
  dbName: ':memory:',
  entities: [Owner, Row],
  ensureDatabase: false as const,
  ...more,
});
const orm = new MikroORM(config());
async function fill(target: MikroORM): Promise<void> {
  await target.schema.create();
  const em = target.em.fork();
  const owner = em.create(Owner, { name: 'hidden', secret: true });
  em.create(Row, { tenant: 1, name: 'one', owner });
  em.create(Row, { tenant: 2, name: 'two', owner });
  await em.flush();
}
beforeAll(() => fill(orm as never));
afterAll(() => orm.close());
const tenants = async (em: EntityManager) => (await em.find(Row, {}, { orderBy: { id: 1 } })).map(row => row.tenant);

describe('a filter that is switched', () => {
  test('is so for orm.em and its relations, forks and contexts, too', async () => {
    const owners = async (em: EntityManager, filters = {}) =>
      (await em.find(Row, {}, { populate: ['owner'], filters })).map(row => row.owner?.name);
    const asked = await owners(orm.em.fork(), { pub: true });
    expect(asked).not.toContain('hidden');
    await withRequestContext(
      orm,
      async em => {
        for (const one of [em, orm.em, em.fork(), orm.em.fork()]) {
          expect(await owners(one)).toEqual(asked);
          expect(await one.count(Owner)).toBe(0);
        }
        await RequestContext.create(orm.em, async () => expect(await orm.em.count(Owner)).toBe(0));
        await orm.em.transactional(async tx => expect(await tx.count(Owner)).toBe(0));
        expect(await em.count(Owner, {}, { filters: { pub: false } }), 'unless a query says otherwise').toBe(1);
      },
      { filters: { pub: true } },
    );
    expect(await orm.em.fork().count(Owner), 'and for nobody else').toBe(1);
  });

  test('is switched no more where a context within is given its parameters', async () => {
    const inner = () => withRequestContext(orm, tenants, { filters: { tenant: { id: 2 } } });
    const parameters = { filters: { tenant: false } };
    const On = (em: EntityManager) => em.find(Row, {}, { filters: ['tenant'] });
    expect(
      await withRequestContext(orm, () => withRequestContext(orm, On, { filters: { tenant: { id: 2 } } }), parameters),
    ).toHaveLength(1);
    expect(await inner()).toEqual([1, 2]); // the filter is off by default: parameters alone do not switch it on
  });
});

test('a context of the app’s own is not written to', async () => {
  const storage = new AsyncLocalStorage<EntityManager>();
  const own = new MikroORM(config({ context: () => storage.getStore() }));
  await fill(own as never);
  const outer = own.em.fork({ useContext: true });
  await storage.run(outer, async () => {
    outer.setFilterParams('tenant', { id: 1 });
    const read = (em: EntityManager) => em.find(Row, {}, { filters: ['tenant'] });
    expect((await withRequestContext(own, read, { filters: { tenant: { id: 2 } } })).map(row => row.tenant)).toEqual([
      2,
    ]);
    expect(
      (await read(own.em)).map(row => row.tenant),
      'afterwards',
    ).toEqual([1]);
    await withRequestContext(own, async em => void em.create(Row, { tenant: 3, name: 'three', owner: 1 }), {
      inherit: false,
    });
    expect(outer.getUnitOfWork(false).getPersistStack().size).toBe(0);
    expect(await withRequestContext(own, em => em === outer), 'it is the one that runs').toBe(true);
  });
  await own.close();
});

test('subscribers of the request hold in the units of work within it', async () => {
  const created = (em: EntityManager) => em.create(Row, { tenant: 1, name: 'x', owner: 1 });
  await RequestContext.create(
    orm.em,
    async () => {
      const stamp = {
        beforeCreate: ({ entity }: { entity: object }) => void Object.assign(entity, { name: 'stamped' }),
      };
      orm.em.getContext().getEventManager().registerSubscriber(stamp);
      const names = await Promise.all([
        withRequestContext(orm, async em => (created(em), em.flush()), {}).then(() => 'done'),
        retryTransaction(orm, async em => void created(em)).then(() => 'done'),
      ]);
      expect(names).toEqual(['done', 'done']);
    },
    { freshEventManager: true },
  );
  expect(await orm.em.fork().count(Row, { name: 'stamped' })).toBe(2);
  expect(await orm.em.fork().count(Row, { name: 'x' })).toBe(0);
});

test('retryTransaction refuses to work without a transaction', async () => {
  const work = async (em: EntityManager) => {
    em.create(Row, { tenant: 9, name: 'nine', owner: 1 });
    await em.flush();
    throw new Error('after');
  };
  const inContext = withRequestContext(orm, () => retryTransaction(orm, work), { disableTransactions: true });
  await expect(inContext, 'the option of the context around it does not hold').rejects.toThrow('after');
  await expect(retryTransaction(orm, work, { fork: { disableTransactions: true } })).rejects.toMatchObject({
    code: 'ORM_CONFIG',
  });
  expect(await orm.em.fork().count(Row, { tenant: 9 })).toBe(0);
});
