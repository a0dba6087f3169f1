import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import { MikroORM, defineEntity, p } from '@mikro-orm/core';
import { defineConfig, type SqlEntityManager, type SqliteDriver } from '@mikro-orm/sqlite';
import { defineConfig as definePostgresConfig, type PostgreSqlDriver } from '@mikro-orm/postgresql';
import { describe, expectTypeOf, test } from 'vitest';
import {
  channels,
  createOrmSingleton,
  explicitEntities,
  explicitMigrations,
  forkPerRequest,
  mapOrmError,
  openEm,
  toProblemResponse,
  whenSent,
  withRequestContext,
  writeProblem,
  type ChannelMessages,
  type EmOf,
  type OrmProblem,
  type OrmSource,
  type OrmStats,
  type PoolStats,
} from '../src/index.js';
import { createTestDatabase, openSandbox, truncate, type OpenedSandbox } from '../src/testing/index.js';

const UserSchema = defineEntity({ name: 'User', properties: { id: p.integer().primary(), email: p.string() } });
class User extends UserSchema.class {}
UserSchema.setClass(User);

const orm = createOrmSingleton(
  defineConfig({ dbName: 'x.db', entities: explicitEntities({ User }), ...explicitMigrations({}) }),
  { migrate: true, name: undefined, connect: { attempts: 3, delay: undefined } },
);

describe('the driver stays in the types', () => {
  test('of the ORM and its EntityManager', async () => {
    const ready = await orm();
    expectTypeOf(ready.driver).toEqualTypeOf<SqliteDriver>();
    expectTypeOf(ready.em).toExtend<SqlEntityManager<SqliteDriver>>();
    expectTypeOf(ready.em.getKysely).toBeFunction();
    expectTypeOf(orm.current).toEqualTypeOf<typeof ready | undefined>();
  });

  test('of contexts and forks', async () => {
    const users = await withRequestContext(orm, em => em.qb(User).where({ email: 'a@b.c' }).getResult());
    expectTypeOf(users[0]!.email).toEqualTypeOf<string>();
    const em = await forkPerRequest(orm)(new Request('http://a.example'));
    expectTypeOf(em.getKysely).toBeFunction();
    expectTypeOf(withRequestContext(orm, () => 1)).resolves.toEqualTypeOf<number>();
    await using request = await openEm(orm, { inherit: false, failOnUse: true });
    expectTypeOf(request.em).toEqualTypeOf<EmOf<typeof orm>>();
    expectTypeOf<EmOf<typeof orm>['getKysely']>().toBeFunction();
    forkPerRequest(orm, (request: Request) => ({ schema: request.url, filters: { tenant: { id: 1 }, soft: false } }));
  });

  test('of async configs and other drivers', async () => {
    const postgres = createOrmSingleton(async () =>
      definePostgresConfig({ clientUrl: 'postgres://x/y', entities: [User] }),
    );
    expectTypeOf((await postgres()).driver).toEqualTypeOf<PostgreSqlDriver>();
    expectTypeOf(postgres.configure({ dbName: 'test', debug: true })).toBeVoid();
    void postgres.close({ drain: 1000 });
    expectTypeOf(postgres.closeOn(['SIGTERM', 'SIGINT'] as const, { drain: undefined })).toBeVoid();
    // @ts-expect-error no signal
    postgres.closeOn(['TERM']);
  });

  test('a ready ORM, a singleton and a function are sources', () => {
    const plain = new MikroORM(defineConfig({ dbName: ':memory:', entities: [User] }));
    withRequestContext(plain, em => expectTypeOf(em.getKysely).toBeFunction());
    withRequestContext(
      async () => plain,
      em => expectTypeOf(em.getKysely).toBeFunction(),
    );
    expectTypeOf(orm).toExtend<OrmSource>();
  });
});

test('the helpers of tests take every singleton', async () => {
  const postgres = createOrmSingleton(definePostgresConfig({ dbName: 'x', entities: [User] }));
  expectTypeOf(openSandbox(postgres)).resolves.toEqualTypeOf<OpenedSandbox>();
  await using _ = await openSandbox(orm);
  const { name, drop } = await createTestDatabase(orm, {
    worker: undefined,
    seed: async em => void expectTypeOf(em).toEqualTypeOf<EmOf<typeof orm>>(),
  });
  expectTypeOf(name).toBeString();
  expectTypeOf(drop).returns.resolves.toBeVoid();
  expectTypeOf(truncate(orm, { except: ['countries'] })).resolves.toBeVoid();
  expectTypeOf(postgres.configure({ dbName: 'test' })).toBeVoid();
});

test('the end of a response', () => {
  expectTypeOf(whenSent(new Response(), () => undefined)).toEqualTypeOf<Response>();
});

test('what goes on', () => {
  expectTypeOf(orm.stats()).toEqualTypeOf<OrmStats>();
  expectTypeOf(orm.stats().pools.write).toEqualTypeOf<PoolStats>();
  expectTypeOf(orm.stats().pools['read 0']).toEqualTypeOf<PoolStats | undefined>();
  expectTypeOf<keyof ChannelMessages>().toEqualTypeOf<keyof typeof channels>();
  expectTypeOf(channels.query).toEqualTypeOf<'mikro-orm-web:db.client.operation.duration'>();
  expectTypeOf<ChannelMessages['query']>().toExtend<{ name: string; role: string; text: string; duration: number }>();
  createOrmSingleton({}, { pool: { leakAfter: false, validateAfter: undefined } });
});

test('problems', () => {
  const problem = mapOrmError(new Error(), { orm, typeBase: undefined });
  expectTypeOf(problem).toEqualTypeOf<OrmProblem | undefined>();
  expectTypeOf(toProblemResponse(problem!)).toEqualTypeOf<Response>();
  expectTypeOf(writeProblem).toBeCallableWith({} as ServerResponse, problem!, { instance: undefined });
  expectTypeOf(writeProblem).toBeCallableWith({} as Http2ServerResponse, problem!);
});

test('explicitEntities keeps the entities for inference', () => {
  expectTypeOf(explicitEntities({ User })).toEqualTypeOf<(typeof User)[]>();
  // @ts-expect-error an array has no names
  explicitEntities([User]);
});
