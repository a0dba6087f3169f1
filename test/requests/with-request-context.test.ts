import { MikroORM, RequestContext, TransactionContext, defineEntity, p } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver } from '@mikro-orm/sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createOrmSingleton, withRequestContext, type RequestOptions } from '../../src/index.js';

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

describe('a nested fork', () => {
  const like = (text: string) => ({ filters: { like: { text } } });
  const read = async (em: MikroORM['em']): Promise<string[]> =>
    (await em.findAll(Note, { filters: { like: true } })).map(({ text }) => text);

  test('has filter parameters of its own, and leaves those of the transaction around it', async () => {
    const file = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: [Note], ensureDatabase: false });
    // rows of both tenants; the transaction has no query open while the fork asks
    await file.schema.create();
    await file.em.fork().insertMany(Note, [{ text: 'x' }, { text: 'y' }]);
    const outer = file.em.fork();
    outer.setFilterParams('like', { text: 'x' });
    await outer.transactional(async tx => {
      expect(tx.getFilterParams('like')).toEqual({ text: 'x' });
      await withRequestContext(file, em => expect(em.getFilterParams('like')).toEqual({ text: 'y' }), like('y'));
      expect(tx.getFilterParams('like'), 'the transaction’s').toEqual({ text: 'x' });
      expect(await read(tx)).toEqual(['x']);
    });
    await file.close();
  });

  test('inherits schema, filters and logger context of the context around it', async () => {
    await withRequestContext(
      a,
      outer =>
        withRequestContext(
          a,
          em => {
            expect(em).not.toBe(outer);
            expect(em.schema).toBe('tenant_a');
            expect(em.getFilterParams('like')).toEqual({ text: 'x' });
          },
          { flushMode: 'commit' },
        ),
      { schema: 'tenant_a', ...like('x') },
    );
  });

  test('inherits the tenant of a transaction around it', async () => {
    const outer = a.em.fork({ schema: 'tenant_a' });
    outer.setFilterParams('like', { text: 'x' });
    await outer.transactional(async tx => {
      expect([tx.schema, tx.getFilterParams('like')]).toEqual(['tenant_a', { text: 'x' }]);
      await withRequestContext(
        a,
        em => expect([em.schema, em.getFilterParams('like')]).toEqual(['tenant_a', { text: 'x' }]),
        {
          flushMode: 'commit',
        },
      );
    });
  });

  test('has what its own options name in place of what it inherits', async () => {
    await withRequestContext(
      a,
      () =>
        withRequestContext(
          a,
          em => expect([em.schema, em.getFilterParams('like')]).toEqual(['tenant_b', { text: 'x' }]),
          { schema: 'tenant_b' },
        ),
      { schema: 'tenant_a', ...like('x') },
    );
  });

  test('inherits the session, role and variables', async () => {
    const orm = new MikroORM({ driver: PostgreSqlDriver, dbName: 'unused', entities: [Note], ensureDatabase: false });
    const session = { role: 'reader', variables: { 'app.tenant': '1' } };
    await withRequestContext(
      orm,
      () => withRequestContext(orm, em => expect(em.getSessionContext()).toEqual(session), { flushMode: 'commit' }),
      { session },
    );
  });

  test('of `inherit: false` is a new request, whatever runs around it', async () => {
    await withRequestContext(
      a,
      outer =>
        withRequestContext(
          a,
          em => {
            expect(em).not.toBe(outer);
            expect(em.schema).toBeUndefined();
            expect(em.getFilterParams('like')).toBeUndefined();
          },
          { inherit: false } as RequestOptions,
        ),
      { schema: 'tenant_a', ...like('x') },
    );
  });
});

describe('work that outlives its context', () => {
  /** Starts work in the async context that runs now, and lets it go on when told to. */
  function later<T>(work: () => Promise<T>): { run: () => Promise<T> } {
    let start!: () => void;
    const started = new Promise<void>(resolve => (start = resolve));
    const ended = started.then(work);
    return { run: () => (start(), ended) };
  }
  const emOf = (orm: MikroORM) => withRequestContext(orm, em => em);

  test('gets a fork of its own, and another one each time', async () => {
    let outer: unknown;
    const timers = await withRequestContext(a, async em => {
      outer = em;
      expect(await emOf(a)).toBe(em);
      return [later(() => emOf(a)), later(() => emOf(a))];
    });
    const forks = [await timers[0]!.run(), await timers[1]!.run()];
    expect(forks[0]).not.toBe(outer);
    expect(forks[1]).not.toBe(outer);
    expect(forks[0]).not.toBe(forks[1]);
  });

  test('does not see what the context left unsaved', async () => {
    await a.em.fork().insertMany(Note, [{ text: 'saved' }]);
    const timer = await withRequestContext(a, async em => {
      (await em.findOneOrFail(Note, { text: 'saved' })).text = 'edited, and never flushed';
      return later(() => withRequestContext(a, async own => (await own.findAll(Note))[0]!.text));
    });
    expect(await timer.run()).toBe('saved');
  });

  test('does not keep the tenant of the request that started it', async () => {
    const timer = await withRequestContext(
      a,
      async () => later(() => withRequestContext(a, em => [em.schema, em.getFilterParams('like')])),
      { schema: 'tenant_a', filters: { like: { text: 'x' } } },
    );
    expect(await timer.run()).toEqual([undefined, undefined]);
  });

  test('does not join a transaction that has ended', async () => {
    const timer = await a.em.fork().transactional(async tx => {
      expect(await emOf(a)).toBe(tx);
      return later(() => withRequestContext(a, em => [em.isInTransaction(), em]));
    });
    const [isInTransaction, em] = await timer.run();
    expect(isInTransaction).toBe(false);
    expect(em).not.toBe(await emOf(a));
  });

  test('is waited for by close({ drain })', async () => {
    const orm = createOrmSingleton(
      { driver: SqliteDriver, dbName: ':memory:', entities: [Note], ensureDatabase: false },
      { name: 'outlived' },
    );
    await orm();
    let release!: () => void;
    const held = new Promise<void>(resolve => (release = resolve));
    let entered!: () => void;
    const inside = new Promise<void>(resolve => (entered = resolve));
    const timer = await withRequestContext(orm, async () =>
      later(() =>
        withRequestContext(orm, async em => {
          entered();
          await held;
          return em.getConnection().execute('select 1 as one');
        }),
      ),
    );
    const work = timer.run();
    await inside;
    let isClosed = false;
    const closing = orm.close({ drain: 10_000 }).then(() => (isClosed = true));
    // what close() does by itself has been done by then
    await new Promise(resolve => setTimeout(resolve, 300));
    expect(isClosed, 'it waits').toBe(false);
    release();
    expect(await work).toEqual([{ one: 1 }]);
    await closing;
  });
});

test('transactions of two ORMs within each other: a context of the first is its own transaction', async () => {
  await a.em.fork().transactional(first =>
    b.em.fork().transactional(async second => {
      await withRequestContext(b, em => expect(em).toBe(second));
      await withRequestContext(a, em => expect(em, 'the transaction that runs').toBe(first));
    }),
  );
});
