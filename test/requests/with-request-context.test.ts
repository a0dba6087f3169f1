import { MikroORM, RequestContext, TransactionContext, defineEntity, p } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createOrmSingleton, withRequestContext } from '../../src/index.js';

const Note = defineEntity({
  name: 'Note',
  tableName: 'note',
  properties: { id: p.integer().primary(), text: p.string(), hidden: p.boolean().default(false) },
  filters: {
    visible: { name: 'visible', cond: { hidden: false }, default: true },
    like: { name: 'like', cond: (args: { text: string }) => ({ text: args.text }), default: false },
  },
});

function open(contextName: string) {
  return new MikroORM({
    driver: SqliteDriver,
    dbName: ':memory:',
    entities: [Note],
    contextName,
    ensureDatabase: false,
  });
}
const a = open('a');
const b = open('b');

beforeAll(() => Promise.all([a.schema.create(), b.schema.create()]));
beforeEach(async () => {
  await a.em.fork().nativeDelete(Note, {}, { filters: false });
});
afterAll(() => Promise.all([a.close(), b.close()]));

describe('one context', () => {
  test('is what orm.em and repositories use', async () => {
    await withRequestContext(a, async em => {
      expect(em).not.toBe(a.em);
      a.em.create(Note, { text: 'x' });
      await em.flush();
      const found = await a.em.findOneOrFail(Note, { text: 'x' });
      expect(await a.em.getRepository(Note).findOne({ text: 'x' })).toBe(found);
      expect(await em.findOne(Note, { text: 'x' })).toBe(found);
    });
  });

  test('is joined by nested calls, where RequestContext.create makes a second identity map', async () => {
    await withRequestContext(a, async outer => {
      await withRequestContext(a, inner => expect(inner).toBe(outer));
      await RequestContext.create(a.em, async () => expect(RequestContext.getEntityManager('a')).not.toBe(outer));
    });
  });

  test('is joined inside a transaction, which sees its writes and rolls them back', async () => {
    await withRequestContext(a, async em => {
      const run = em.transactional(async transaction => {
        await withRequestContext(a, async inner => {
          expect(inner).toBe(transaction);
          inner.create(Note, { text: 'gone' });
          await inner.flush();
        });
        throw new Error('no');
      });
      await expect(run).rejects.toThrow('no');
    });
    expect(await a.em.fork().count(Note)).toBe(0);
  });

  test('with options it forks, outside of a running transaction', async () => {
    const reached = a.em.fork().transactional(async transaction => {
      expect(TransactionContext.getEntityManager('a')).toBe(transaction);
      await withRequestContext(
        a,
        async em => {
          expect(em).not.toBe(transaction);
          expect(em.isInTransaction()).toBe(false);
          expect(a.em.isInTransaction()).toBe(false);
          await withRequestContext(a, inner => expect(inner).toBe(em));
        },
        { flushMode: 'commit' },
      );
      expect(a.em.isInTransaction()).toBe(true);
    });
    await reached;
  });

  test('takes a singleton, a function and an ORM; refuses what is none', async () => {
    const orm = createOrmSingleton({ driver: SqliteDriver, dbName: ':memory:', entities: [Note] });
    expect(await withRequestContext(orm, em => em.config.get('contextName'))).toBe('default');
    expect(
      await withRequestContext(
        async () => a,
        em => em.name,
      ),
    ).toBe('a');
    await expect(withRequestContext({} as never, () => 1)).rejects.toThrow(/withRequestContext got no ORM/);
    await orm.close();
  });
});

describe('two ORMs', () => {
  test('contexts nest and interleave, where RequestContext.create drops the first', async () => {
    await withRequestContext(a, async first => {
      await withRequestContext(b, async second => {
        expect(RequestContext.getEntityManager('a')).toBe(first);
        expect(RequestContext.getEntityManager('b')).toBe(second);
        await withRequestContext(a, em => expect(em).toBe(first));
      });
      expect(RequestContext.getEntityManager('b')).toBeUndefined();
      await RequestContext.create(b.em, async () => expect(RequestContext.getEntityManager('a')).toBeUndefined());
    });
  });

  test('another ORM of the same name gets a context of its own', async () => {
    const twin = open('a');
    await withRequestContext(a, async first => {
      await withRequestContext(twin, async em => {
        expect(em).not.toBe(first);
        expect(em.config).toBe(twin.config);
      });
      expect(RequestContext.getEntityManager('a')).toBe(first);
    });
    await twin.close();
  });
});

describe('filters', () => {
  beforeEach(async () => {
    await a.em.fork().insertMany(Note, [{ text: 'x' }, { text: 'y' }, { text: 'x', hidden: true }]);
  });
  const count = (filters: Record<string, boolean | Record<string, unknown>>, query?: object) =>
    withRequestContext(a, em => em.count(Note, {}, query), { filters });

  test('are switched for all queries of the fork, nested transactions included', async () => {
    expect(await count({})).toBe(2);
    expect(await count({ visible: false })).toBe(3);
    expect(await count({ visible: false }, { filters: { visible: true } }), 'a query says otherwise').toBe(2);
    const inside = withRequestContext(a, em => em.transactional(async tx => tx.count(Note)), {
      filters: { visible: false },
    });
    expect(await inside).toBe(3);
    expect(await withRequestContext(a, em => em.count(Note)), 'and for that fork only').toBe(2);
  });

  test('take parameters', async () => {
    const options = { filters: { like: { text: 'x' } } };
    expect(await withRequestContext(a, em => em.count(Note, {}, { filters: ['like'] }), options)).toBe(1);
  });
});

test('thousands of interleaved requests: each has one EntityManager, and none has another one’s', async () => {
  const step = fc.constantFrom('await', 'query', 'nest', 'transaction', 'other');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { minLength: 2, maxLength: 30 }), async requests => {
      const seen = await Promise.all(
        requests.map(steps =>
          withRequestContext(a, async em => {
            for (const what of steps) {
              if (what === 'await') await new Promise(setImmediate);
              if (what === 'query') await a.em.count(Note);
              if (what === 'nest') await withRequestContext(a, inner => expect(inner).toBe(em));
              if (what === 'transaction') await em.transactional(async tx => expect(a.em.getContext()).toBe(tx));
              if (what === 'other') await withRequestContext(b, () => expect(a.em.getContext()).toBe(em));
              expect(a.em.getContext()).toBe(em);
            }
            return em;
          }),
        ),
      );
      expect(new Set(seen).size).toBe(requests.length);
    }),
    { numRuns: 150 },
  );
});
