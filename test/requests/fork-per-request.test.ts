import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MikroORM, defineEntity, p, type Options } from '@mikro-orm/core';
import type { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { afterAll, expect, test } from 'vitest';
import { createOrmSingleton, forkPerRequest, withRequestContext } from '../../src/index.js';
import { createDatabase, describeDriver, onServer } from '../support/databases.js';
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

test('the examples take no tenant from a header that nobody has checked', async () => {
  const source = await readFile(resolve(import.meta.dirname, '../../src/requests/fork-per-request.ts'), 'utf8');
  expect(source).not.toMatch(/schema: request\.headers/);
});

await describeDriver('postgresql', driver => {
  // a role that owns nothing, and the one that owns the tables: policies bind an owner only where they are forced
  test.each(['transaction', 'connection'] as const)(
    'the session of a request holds for its queries, where MikroORM applies it by %s',
    async sessionContext => {
      const database = await createDatabase(driver);
      const role = `mow_reader_${process.pid}_${Date.now().toString(36)}`;
      await onServer(database.config, `create role ${role}`);
      try {
        for (const sql of [
          'create table note (id int primary key, tenant text not null)',
          `insert into note values (1, 'a'), (2, 'b')`,
          'alter table note enable row level security',
          `create policy tenants on note using (tenant = current_setting('app.tenant', true))`,
          `grant select on note to ${role}`,
        ]) {
          await onServer(database.config, sql);
        }
        const singleton = createOrmSingleton(
          { ...database.config, entities: [Note], sessionContext, pool: { max: 2 } } as object as Partial<
            Options<PostgreSqlDriver>
          >,
          { name: `sessions by ${sessionContext}` },
        );
        const emOf = forkPerRequest(singleton, ({ tenant }: { tenant: string }) => ({
          session: { role, variables: { 'app.tenant': tenant } },
        }));
        const seen = async (tenant: string): Promise<unknown> => {
          try {
            const em = await emOf({ tenant });
            return (await em.findAll(Note)).map(({ id }) => id);
          } catch (error) {
            // refused, and not ignored
            return (error as { code?: unknown }).code === 'ORM_CONFIG' ? 'refused' : error;
          }
        };
        for (const [tenant, id] of [
          ['a', 1],
          ['b', 2],
          ['a', 1],
        ] as const) {
          expect([[id], 'refused']).toContainEqual(await seen(tenant));
        }
        await singleton.close();
      } finally {
        await database.drop();
        await onServer({ ...database.config, dbName: 'postgres' }, `drop role ${role}`);
      }
    },
  );
});
