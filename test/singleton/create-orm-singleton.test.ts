import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { EntitySchema, MikroORM } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver } from '@mikro-orm/sqlite';
import type { OrmSingleton } from '../../src/index.js';
import {
  createDatabase,
  describeDriver,
  DRIVERS,
  onServer,
  type TestDatabase,
  type DatabaseConfig,
} from '../support/databases.js';
import { createGraph, Migration20260101000000 } from '../support/graphs.js';

/** No server listens there. */
const NOWHERE = { driver: PostgreSqlDriver, host: '127.0.0.1', port: 1, user: 'postgres', dbName: 'x' };

/** Connections that the server counts for this database, or the pools that are open, for embedded ones. */
async function backends(database: TestDatabase): Promise<number> {
  const { dbName } = database.config;
  const rows = await onServer<{ n: number }[]>(
    { ...database.config, dbName: 'postgres' },
    `select count(*)::int as n from pg_stat_activity where datname = '${dbName}'`,
  );
  return rows[0]!.n;
}

for (const driver of DRIVERS) {
  await describeDriver(driver, () => {
    let database: TestDatabase;
    const open: OrmSingleton<never>[] = [];
    const keep = <T>(orm: T): T => {
      open.push(orm as OrmSingleton<never>);
      return orm;
    };
    // PGlite in memory is shared under a name only
    const name = driver === 'pglite' ? `shared ${Math.random()}` : undefined;

    beforeAll(async () => {
      database = await createDatabase(driver);
    });
    afterEach(async () => {
      await Promise.all(open.splice(0).map(orm => orm.close()));
    });
    afterAll(() => database.drop());

    test('first callers share one attempt, and one run of the migrations', async () => {
      const graph = await createGraph(database.config);
      const orm = keep(graph.createOrmSingleton(graph.config, { migrate: true, name }));
      expect(orm.current).toBeUndefined();
      const orms = await Promise.all(Array.from({ length: 200 }, () => orm()));
      expect(new Set(orms).size).toBe(1);
      expect(orm.current).toBe(orms[0]);
      expect(await orm.check()).toEqual({ ok: true, database: { ok: true }, migrations: { ok: true, pending: [] } });
    });

    test('module graphs have an ORM each, and share a pool', async () => {
      const graphs = await Promise.all(Array.from({ length: 4 }, () => createGraph(database.config)));
      const orms = graphs.map(graph => keep(graph.createOrmSingleton(graph.config, { migrate: true, name })));
      const opened = await Promise.all(orms.map(orm => orm()));
      expect(new Set(opened).size).toBe(4);
      const natives = await Promise.all(opened.map(orm => orm.driver.getConnection().getNativeClient()));
      expect(new Set(natives).size).toBe(1);

      await Promise.all(
        opened.flatMap((orm, g) =>
          Array.from({ length: 10 }, (_, i) =>
            orm.em.fork().transactional(async em => {
              em.create(graphs[g]!.User, { email: `${g}-${i}@${driver}.example`, name: 'Ann' });
              await em.flush();
              await em.count(graphs[g]!.User, {});
            }),
          ),
        ),
      );
      expect(await opened[3]!.em.fork().count(graphs[3]!.User, { email: { $like: `%@${driver}.example` } })).toBe(40);
      const found = await opened[2]!.em.fork().findOneOrFail(graphs[2]!.User, { email: `0-0@${driver}.example` });
      expect(found).toBeInstanceOf(graphs[2]!.User);
    });

    test('closing one ORM of several leaves the pool to the others', async () => {
      const [a, b] = await Promise.all([createGraph(database.config), createGraph(database.config)]);
      const [ormA, ormB] = await Promise.all([
        keep(a.createOrmSingleton(a.config, { migrate: true, name }))(),
        keep(b.createOrmSingleton(b.config, { migrate: true, name }))(),
      ]);
      await ormA.close();
      expect(await ormB.em.fork().count(b.User)).toBeTypeOf('number');
      expect(await ormA.em.fork().count(a.User), 're-attaches on its next use').toBeTypeOf('number');
    });

    test('close() acts in every graph, on held forks, too; a new singleton opens anew', async () => {
      const [a, b] = await Promise.all([createGraph(database.config), createGraph(database.config)]);
      const first = a.createOrmSingleton(a.config, { migrate: true, name });
      const second = b.createOrmSingleton(b.config, { migrate: true, name });
      const unused = b.createOrmSingleton(b.config, { name });
      const [, ormB] = await Promise.all([first(), second()]);
      const held = ormB.em.fork();
      await Promise.all([first.close(), first.close()]);
      await first.close();
      expect(first.current).toBeUndefined();
      expect(second.current).toBeUndefined();
      const refused = [first(), second(), unused(), held.count(b.User), ormB.em.fork().count(b.User)];
      for (const outcome of await Promise.allSettled(refused)) {
        expect(outcome).toMatchObject({ reason: { name: 'OrmClosedError', code: 'ORM_CLOSED' } });
      }
      expect(await second.check()).toMatchObject({
        ok: false,
        database: { ok: false, reason: 'database-unavailable' },
      });

      const reopened = keep(a.createOrmSingleton(a.config, { migrate: true, name }));
      expect(await (await reopened()).em.fork().count(a.User)).toBeTypeOf('number');
    });

    test('close({ drain }) lets running contexts and connections finish', async () => {
      const graph = await createGraph(database.config);
      const orm = graph.createOrmSingleton(graph.config, { migrate: true, name });
      await orm();
      const finished: string[] = [];
      const context = graph.withRequestContext(orm, async em => {
        await new Promise(resolve => setTimeout(resolve, 150));
        await em.count(graph.User);
        finished.push('context');
      });
      const transaction = (await orm()).em.fork().transactional(async em => {
        await em.count(graph.User);
        await new Promise(resolve => setTimeout(resolve, 150));
        await em.count(graph.User);
        finished.push('transaction');
      });
      await new Promise(resolve => setTimeout(resolve, 30));
      const closing = orm.close({ drain: 10_000 });
      expect(await orm.check(), 'turns false at once').toMatchObject({ ok: false });
      expect(await graph.withRequestContext(orm, em => em.count(graph.User)), 'is still served').toBeTypeOf('number');
      await Promise.all([context, transaction, closing]);
      expect(finished.sort()).toEqual(['context', 'transaction']);
      await expect(orm()).rejects.toThrow(/was closed/);
    });

    test('a failed attempt is not kept', async () => {
      const graph = await createGraph(database.config);
      let broken = true;
      const orm = keep(
        graph.createOrmSingleton(
          async () => {
            if (broken) {
              throw new Error('no settings yet');
            }
            return graph.config;
          },
          { migrate: true, name },
        ),
      );
      await expect(orm()).rejects.toThrow('no settings yet');
      broken = false;
      expect(await (await orm()).em.fork().count(graph.User)).toBeTypeOf('number');
    });

    test('check() only reads: a missing migrations table means that all are pending', async () => {
      const fresh = await createDatabase(driver);
      const remembered = vi.spyOn(EntitySchema.REGISTRY, 'set');
      const graph = await createGraph(fresh.config);
      const orm = keep(graph.createOrmSingleton(graph.config, { name: name && `${name} fresh` }));
      const pending = ['Migration20260101000000'];
      expect(await orm.check()).toEqual({ ok: false, database: { ok: true }, migrations: { ok: false, pending } });
      expect(await orm.check(), 'and the table is still missing').toMatchObject({ migrations: { pending } });
      expect(orm.current, 'check() is not orm()').toBeUndefined();
      remembered.mockClear();
      await orm.check();
      expect(remembered, 'and leaves nothing behind').not.toHaveBeenCalled();
      remembered.mockRestore();
      await orm.close();
      await fresh.drop();
    });
  });
}

await describeDriver('postgresql', driver => {
  test('the backends of four graphs stay within one pool', async () => {
    const database = await createDatabase(driver);
    const config = { ...database.config, pool: { max: 5 } };
    const graphs = await Promise.all(Array.from({ length: 4 }, () => createGraph(config)));
    const orms = graphs.map(graph => graph.createOrmSingleton(graph.config, { migrate: true }));
    const opened = await Promise.all(orms.map(orm => orm()));
    let most = 0;
    const watch = (async () => {
      for (let i = 0; i < 10; i++) {
        most = Math.max(most, await backends(database));
      }
    })();
    await Promise.all(
      opened.flatMap(orm =>
        Array.from({ length: 20 }, () => orm.driver.getConnection().execute('select pg_sleep(0.02)')),
      ),
    );
    await watch;
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(5);
    await orms[0]!.close();
    // the server takes a moment to see them go
    await expect.poll(() => backends(database)).toBe(0);

    // the guide's pattern: an ORM, and a pool, for each graph
    const guide = await Promise.all(graphs.map(graph => MikroORM.init({ ...graph.config, contextName: 'guide' })));
    await Promise.all(
      guide.flatMap(orm =>
        Array.from({ length: 20 }, () => orm.em.fork().count(orm.config.get('entities')[0] as never)),
      ),
    );
    expect(await backends(database)).toBeGreaterThan(5);
    await Promise.all(guide.map(orm => orm.close()));
    await database.drop();
  });

  test('creates a database that is missing, once for all graphs', async () => {
    const database = await createDatabase(driver);
    await database.drop();
    const graphs = await Promise.all(Array.from({ length: 3 }, () => createGraph(database.config)));
    const orms = graphs.map(graph => graph.createOrmSingleton(graph.config, { migrate: true }));
    const opened = await Promise.all(orms.map(orm => orm()));
    expect(await opened[2]!.em.fork().count(graphs[2]!.User)).toBe(0);
    await orms[0]!.close();
    await database.drop();
  });

  test('a database that is down rejects, and the next call tries again', async () => {
    const graph = await createGraph(NOWHERE);
    const orm = graph.createOrmSingleton(graph.config);
    await expect(orm()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await orm.check()).toMatchObject({ ok: false, database: { ok: false, reason: 'database-unavailable' } });
    const started = Date.now();
    const patient = graph.createOrmSingleton(graph.config, { connect: { attempts: 3, delay: 40 } });
    await expect(patient()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(Date.now() - started).toBeGreaterThanOrEqual(115);
    await patient.close();
  });
});

describe('settings', () => {
  test('two databases under one name: an error in production, a new pool in development', async () => {
    const [one, two] = [await createDatabase('sqlite'), await createDatabase('sqlite')];
    const [a, b] = [await createGraph(one.config), await createGraph(two.config)];
    const first = a.createOrmSingleton(a.config, { migrate: true, name: 'twice' });
    const ormA = await first();
    process.env['NODE_ENV'] = 'production';
    try {
      await expect(b.createOrmSingleton(b.config, { name: 'twice' })()).rejects.toThrow(
        /Two databases under one name.*name: 'reports'/,
      );
    } finally {
      process.env['NODE_ENV'] = 'test';
    }
    const second = b.createOrmSingleton(b.config, { migrate: true, name: 'twice' });
    expect(await (await second()).em.fork().count(b.User)).toBe(0);
    expect(await ormA.em.fork().count(a.User), 'requests on the old pool finish').toBe(0);
    await second.close();
    await expect(ormA.em.fork().count(a.User), 'in every graph').rejects.toMatchObject({ code: 'ORM_CLOSED' });
    await one.drop();
    await two.drop();
  });

  test('closing drains what an edit of the settings has replaced, too', async () => {
    const database = await createDatabase('sqlite');
    const [a, b] = [await createGraph(database.config), await createGraph({ ...database.config, pool: { max: 3 } })];
    const first = a.createOrmSingleton(a.config, { migrate: true, name: 'edited' });
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
    await first();
    const running = a.withRequestContext(first, async em => {
      await finished;
      return em.count(a.User);
    });
    const second = b.createOrmSingleton(b.config, { migrate: true, name: 'edited' });
    await second();
    const closing = second.close({ drain: 20_000 });
    await new Promise(resolve => setTimeout(resolve, 300)); // longer than close() takes where nothing runs
    finish();
    expect(await running).toBe(0);
    await closing;
    await expect(first()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
    await database.drop();
  });

  test('in production, settings that led nowhere are not kept', async () => {
    const database = await createDatabase('sqlite');
    const graph = await createGraph(database.config);
    vi.stubEnv('NODE_ENV', 'production');
    let dbName = '/nowhere/at/all.db';
    const orm = graph.createOrmSingleton(() => ({ ...graph.config, dbName }), { migrate: true, name: 'second try' });
    await expect(orm()).rejects.toThrow();
    dbName = String(database.config.dbName);
    expect(await (await orm()).em.fork().count(graph.User)).toBe(0);
    vi.unstubAllEnvs();
    await orm.close();
    await database.drop();
  });

  test('an in-memory database is shared under an explicit name only', async () => {
    const memory = { driver: SqliteDriver, dbName: ':memory:' };
    const [a, b, c] = [await createGraph(memory), await createGraph(memory), await createGraph(memory)];
    const [own, shared, same] = [
      a.createOrmSingleton(a.config, { migrate: true }),
      b.createOrmSingleton(b.config, { migrate: true, name: 'mem' }),
      c.createOrmSingleton(c.config, { migrate: true, name: 'mem' }),
    ];
    await (await shared()).em.fork().insert(b.User, { email: 'a@b.c', name: 'Ann' });
    expect(await (await same()).em.fork().count(c.User)).toBe(1);
    expect(await (await own()).em.fork().count(a.User)).toBe(0);
    await Promise.all([own.close(), shared.close()]);
  });

  test('configure() merges before the first use, and refuses afterwards', async () => {
    const database = await createDatabase('sqlite');
    const graph = await createGraph({ ...database.config, dbName: '/nowhere/at/all.db' });
    const orm = graph.createOrmSingleton(graph.config, { migrate: true, name: 'configured' });
    expect(
      orm.configure({ dbName: database.config.dbName! }),
      'a test runner would call what a hook returns',
    ).toBeUndefined();
    expect(await (await orm()).em.fork().count(graph.User)).toBe(0);
    expect(() => orm.configure({ debug: true })).toThrow(/configure\(\) came after the first use/);
    await orm.close();
    await database.drop();
  });

  test.each([
    ['no driver', { dbName: 'x.db', entities: [] }, /no `driver`.*defineConfig/s],
    ['no config', undefined, /got undefined for `config`/],
    ['null', null, /got null for `config`/],
  ])('%s is a clear error', async (_what, config, message) => {
    const { createOrmSingleton } = await createGraph({ driver: SqliteDriver, dbName: ':memory:' });
    await expect(createOrmSingleton(config as never)()).rejects.toThrow(message);
  });

  test.each([
    [
      'a Node.js too old',
      { process: { node: '20.20.2' } },
      /needs Node\.js 22\.17 or later, and this is 20\.20\.2\. Update/,
    ],
    ['an edge runtime', { EdgeRuntime: 'edge-runtime' }, /edge runtime.*remove `export const runtime/],
  ])('%s is a clear error', async (_what, globals: Record<string, unknown>, message) => {
    const { createOrmSingleton } = await createGraph({ driver: SqliteDriver, dbName: ':memory:' });
    const { process } = globalThis;
    for (const [name, value] of Object.entries(globals)) {
      vi.stubGlobal(name, name === 'process' ? Object.create(process, { versions: { value } }) : value);
    }
    try {
      await expect(createOrmSingleton({} as never)()).rejects.toThrow(message);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test('migrate without a Migrator says what to add', async () => {
    const database = await createDatabase('sqlite');
    const graph = await createGraph(database.config);
    const orm = graph.createOrmSingleton({ ...graph.config, extensions: [] }, { migrate: true, name: 'no migrator' });
    await expect(orm()).rejects.toThrow(/\.\.\.explicitMigrations\(migrations\)/);
    await orm.close();
    await database.drop();
  });
});

await describeDriver('postgresql', driver => {
  test('graphs with different lists migrate one after the other', async () => {
    const database = await createDatabase(driver);
    const graphs = await Promise.all([createGraph(database.config), createGraph(database.config)]);
    class Migration20260202000000 extends Migration {
      override up(): void {
        this.addSql('create table later (id int)');
      }
    }
    const [a, b] = graphs.map((graph, i) => {
      const list = i === 0 ? { Migration20260101000000 } : { Migration20260101000000, Migration20260202000000 };
      const migrations = graph.explicitMigrations(list, { silent: true, snapshot: false });
      return graph.createOrmSingleton({ ...graph.config, ...migrations }, { migrate: true, name: 'two lists' });
    });
    await Promise.all([a!(), b!()]);
    expect(await b!.check()).toMatchObject({ ok: true });
    await a!.close();
    await database.drop();
  });

  test('close({ drain }) waits for a running migration', async () => {
    const database = await createDatabase(driver);
    const graph = await createGraph(database.config);
    class Migration20260202000000 extends Migration {
      override up(): void {
        this.addSql('select pg_sleep(2)');
        this.addSql('create table slow (id int)');
      }
    }
    const migrations = graph.explicitMigrations({ Migration20260202000000 }, { silent: true, snapshot: false });
    const orm = graph.createOrmSingleton({ ...graph.config, ...migrations }, { migrate: true, name: 'slow migration' });
    const opening = orm();
    opening.catch(() => undefined);
    await expect
      .poll(
        () =>
          onServer<object[]>(
            database.config,
            `select 1 from pg_stat_activity where query like '%pg_sleep(2)' and state = 'active' and datname = current_database()`,
          ),
        { timeout: 20_000 },
      )
      .toHaveLength(1);
    await orm.close({ drain: 10_000 });
    expect(await onServer(database.config, `select to_regclass('slow') is not null as done`)).toEqual([{ done: true }]);
    await expect(orm()).rejects.toMatchObject({ name: 'OrmClosedError' });
    await database.drop();
  });
});

describe('a singleton that is created while its name drains', () => {
  afterEach(() => void vi.unstubAllEnvs());

  /** A name that closes, and waits for a request that runs until `finish`. */
  async function drain(mode: string) {
    vi.stubEnv('NODE_ENV', mode);
    const database = await createDatabase('sqlite');
    const [a, b] = [await createGraph(database.config), await createGraph(database.config)];
    const old = a.createOrmSingleton(a.config, { migrate: true, name: mode });
    await old();
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
    const request = a.withRequestContext(old, async em => {
      await finished;
      return em.count(a.User);
    });
    const closing = old.close({ drain: 20_000 });
    const created = b.createOrmSingleton(b.config, { migrate: true, name: mode });
    const count = async () => (await created()).em.fork().count(b.User);
    return { database, old, created, count, request, finish, closing };
  }

  test('in development it is a reload: it opens anew once that is done', async () => {
    const { database, old, created, count, request, finish, closing } = await drain('development');
    const counted = count();
    finish();
    expect(await Promise.all([counted, request])).toEqual([0, 0]);
    await closing;
    await expect(old()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
    expect(await count()).toBe(0);
    await created.close();
    await database.drop();
  });

  test('in development, too, it is served within what the draining waits for', async () => {
    vi.stubEnv('NODE_ENV', 'development');
    const database = await createDatabase('sqlite');
    const [a, b] = [await createGraph(database.config), await createGraph(database.config)];
    const old = a.createOrmSingleton(a.config, { migrate: true, name: 'within' });
    let closing: Promise<void> | undefined;
    const counted = await a.withRequestContext(old, async () => {
      closing = old.close({ drain: 20_000 });
      const compiled = b.createOrmSingleton(b.config, { migrate: true, name: 'within' });
      return (await compiled()).em.fork().count(b.User);
    });
    expect(counted).toBe(0);
    await closing;
    await database.drop();
  });

  test('in production it is served until the end, and then refuses', async () => {
    const { database, created, count, request, finish, closing } = await drain('production');
    expect(await count()).toBe(0);
    finish();
    expect(await request).toBe(0);
    await closing;
    await expect(count()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
    await created.close();
    await database.drop();
  });
});

describe('closing while opening', () => {
  test('rejects with OrmClosedError, whenever it comes', async () => {
    const database = await createDatabase('sqlite');
    for (let tick = 0; tick < 60; tick++) {
      const graph = await createGraph(database.config);
      const orm = graph.createOrmSingleton(graph.config, { migrate: true, name: `tick ${tick}` });
      const opening = orm().then(
        () => 'opened',
        (error: Error) => error.name,
      );
      for (let i = 0; i < tick; i++) {
        await Promise.resolve();
      }
      await orm.close();
      expect(await opening).toMatch(/^(opened|OrmClosedError)$/);
      await expect(orm()).rejects.toMatchObject({ name: 'OrmClosedError' });
    }
    await database.drop();
  });

  test('ends the waiting for a database', async () => {
    const graph = await createGraph(NOWHERE);
    const orm = graph.createOrmSingleton(graph.config, { name: 'gone', connect: { attempts: 3, delay: 60_000 } });
    const opening = orm();
    opening.catch(() => undefined);
    await new Promise(resolve => setTimeout(resolve, 100));
    await orm.close();
    await expect(opening).rejects.toMatchObject({ name: 'OrmClosedError' });
  });
});

describe('close() of a singleton that was never used', () => {
  test('builds nothing and calls no config', async () => {
    const config = vi.fn(() => ({}) as DatabaseConfig);
    const orm = createGraph({} as DatabaseConfig).then(graph =>
      graph.createOrmSingleton(config, { name: 'never used' }),
    );
    await (await orm).close();
    expect(config).not.toHaveBeenCalled();
    await expect((await orm)()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
    expect(config).not.toHaveBeenCalled();
  });

  test('closes what another graph has opened under its name', async () => {
    const database = await createDatabase('sqlite');
    const [a, b] = [await createGraph(database.config), await createGraph(database.config)];
    const used = a.createOrmSingleton(a.config, { name: 'used elsewhere' });
    await used();
    await b.createOrmSingleton(b.config, { name: 'used elsewhere' }).close();
    expect(used.current).toBeUndefined();
    await database.drop();
  });
});
