import { join } from 'node:path';
import { MikroORM } from '@mikro-orm/core';
import { PGlite } from '@electric-sql/pglite';
import { PgliteDriver } from '@mikro-orm/pglite';
import { SqliteDialect } from 'kysely';
// @ts-expect-error it comes without types
import Database from 'better-sqlite3';
import { expect, test, vi } from 'vitest';
import { createDatabase, describeDriver, onServer, type DatabaseConfig } from '../support/databases.js';
import { collectGarbage } from '../support/garbage.js';
import { createGraph } from '../support/graphs.js';

/** Two module graphs on one database, opened. */
async function openTwo(config: DatabaseConfig, name: string) {
  const graphs = await Promise.all([createGraph(config), createGraph(config)]);
  const [a, b] = graphs.map(graph => graph.createOrmSingleton(graph.config, { migrate: true, name }));
  return { graphs, a: a!, b: b!, orms: await Promise.all([a!(), b!()]) };
}

await describeDriver('sqlite', driver => {
  test('databases are attached and connections set up once, whoever comes first', async () => {
    const [main, other] = [await createDatabase(driver), await createDatabase(driver)];
    const onCreateConnection = vi.fn(async () => undefined);
    const attachDatabases = [{ name: 'other', path: String(other.config.dbName) }];
    const { a, b, orms } = await openTwo(
      { ...main.config, attachDatabases, onCreateConnection } as DatabaseConfig,
      'attached',
    );
    await orms[0].driver.getConnection().execute('create table other.t (x)');
    await orms[1].driver.getConnection().execute('insert into other.t values (1)');
    expect(await orms[0].driver.getConnection().execute('select x from other.t')).toEqual([{ x: 1 }]);
    // once for the pool, once for the throw-away ORM that migrated
    expect(onCreateConnection).toHaveBeenCalledTimes(2);
    await Promise.all([a.close(), b.close()]);
    await Promise.all([main.drop(), other.drop()]);
  });

  test('dumps and native access reach the one handle from every graph', async () => {
    const database = await createDatabase(driver);
    const { a, orms } = await openTwo(database.config, 'dumped');
    await orms[1].driver.getConnection().executeDump(`insert into users (email, name) values ('a', 'A'), ('b', 'B');`);
    const native = (await orms[0].driver.getConnection().getNativeClient()) as {
      open: boolean;
      prepare(sql: string): { get(): unknown };
    };
    expect(native.prepare('select count(*) as n from users').get()).toEqual({ n: 2 });
    await a.close();
    expect(native.open).toBe(false);
    await database.drop();
  });

  test('a dialect in driverOptions is left alone, and said so', async () => {
    const database = await createDatabase(driver);
    const own = new Database(join(String(database.config.dbName)));
    const dialect = new SqliteDialect({ database: own as never });
    const logger = vi.fn();
    const graph = await createGraph({
      ...database.config,
      driverOptions: dialect,
      logger,
      ensureDatabase: false,
    } as DatabaseConfig);
    const orm = graph.createOrmSingleton(graph.config, { name: 'own pool' });
    await (await orm()).driver.getConnection().execute('create table t (x)');
    expect(logger.mock.calls.flat().join()).toMatch(/"own pool" keeps the Kysely instance or dialect.*yours to close/);
    expect(own.prepare(`select name from sqlite_master where name = 't'`).get()).toEqual({ name: 't' });
    await orm.close();
    expect(own.open, 'its pool is not ours to close').toBe(true);

    const dbName = `${database.config.dbName} is not asked for`;
    const migrating = await createGraph({
      ...database.config,
      dbName,
      driverOptions: () => dialect,
      logger,
    } as DatabaseConfig);
    const migrated = migrating.createOrmSingleton(migrating.config, { name: 'own pool', migrate: true });
    const held = (await migrated()).em.fork();
    expect(await held.count(migrating.User)).toBe(0);
    expect(await migrated.check()).toMatchObject({ ok: true });
    await migrated.close();
    await expect(held.count(migrating.User)).rejects.toMatchObject({ name: 'OrmClosedError' });
    expect(own.open).toBe(true);
    own.close();
    await database.drop();
  });

  test('reloads leave one pool, and a bounded number of ORMs', async () => {
    const database = await createDatabase(driver);
    const refs: WeakRef<object>[] = [];
    const reload = async () => {
      const graph = await createGraph(database.config);
      const orm = await graph.createOrmSingleton(graph.config, { migrate: true, name: 'reloaded' })();
      await orm.em.fork().count(graph.User);
      refs.push(new WeakRef(orm));
      return orm.driver.getConnection().getNativeClient();
    };
    const natives = new Set();
    for (let i = 0; i < 30; i++) {
      natives.add(await reload());
    }
    expect(natives.size).toBe(1);
    await collectGarbage();
    const alive = refs.filter(ref => ref.deref()).length;
    expect(alive).toBeLessThanOrEqual(3);
    const last = await createGraph(database.config);
    await last.createOrmSingleton(last.config, { name: 'reloaded' }).close();
    await database.drop();
  });
});

await describeDriver('postgresql', driver => {
  test('read replicas share a pool each', async () => {
    const database = await createDatabase(driver);
    const { a, orms } = await openTwo(
      { ...database.config, replicas: [{ name: 'replica', host: '127.0.0.1' }] } as DatabaseConfig,
      'replicas',
    );
    const natives = async (type: 'read' | 'write') =>
      new Set(await Promise.all(orms.map(orm => orm.driver.getConnection(type).getNativeClient())));
    expect((await natives('read')).size).toBe(1);
    expect((await natives('write')).size).toBe(1);
    expect(await natives('read')).not.toEqual(await natives('write'));
    await a.close();
    await database.drop();
  });

  test('a connection that dies in a transaction gives its slot back, where MikroORM alone hangs', async () => {
    const database = await createDatabase(driver);
    const config = { ...database.config, pool: { max: 1 } } as DatabaseConfig;
    const die = (orm: MikroORM) =>
      orm.em
        .fork()
        .transactional(em =>
          em
            .getConnection()
            .execute('select pg_terminate_backend(pg_backend_pid())', [], 'all', em.getTransactionContext()),
        );
    const served = (orm: MikroORM) =>
      Promise.race([
        orm.driver.getConnection().execute('select 1 as one'),
        new Promise(resolve => setTimeout(resolve, 1500, 'hangs')),
      ]);

    const plain = await createGraph(config);
    const alone = new MikroORM(plain.config as DatabaseConfig) as MikroORM;
    await expect(die(alone)).rejects.toThrow();
    expect(await served(alone)).toBe('hangs');
    void alone.close().catch(() => undefined);

    const graph = await createGraph(config);
    const orm = graph.createOrmSingleton(graph.config, { name: 'max 1' });
    await expect(die((await orm()) as MikroORM)).rejects.toThrow();
    expect(await served((await orm()) as MikroORM)).toEqual([{ one: 1 }]);
    await orm.close();
    await database.drop();
  });

  test('a commit that fails gives its slot back, also to who does not roll back', async () => {
    const database = await createDatabase(driver);
    const graph = await createGraph({ ...database.config, pool: { max: 1 } } as DatabaseConfig);
    const orm = graph.createOrmSingleton(graph.config, { name: 'commit' });
    const connection = (await orm()).driver.getConnection();
    await connection.execute('create table parent (id int primary key)');
    await connection.execute('create table child (id int references parent deferrable initially deferred)');
    const em = (await orm()).em.fork();
    await em.begin();
    await em.getConnection().execute('insert into child values (1)', [], 'run', em.getTransactionContext());
    await expect(em.commit()).rejects.toMatchObject({ code: '23503' });
    expect(await connection.execute('select count(*)::int as n from child')).toEqual([{ n: 0 }]);
    await em.rollback();
    await orm.close();
    await database.drop();
  });
});

await describeDriver('mariadb', driver => {
  test('two first queries at once count as one user, so that closing the ORM closes its pool', async () => {
    const database = await createDatabase(driver);
    const graph = await createGraph(database.config);
    const orm = await graph.createOrmSingleton(graph.config, { name: 'two first queries' })();
    await orm.close();
    const one = () => orm.em.fork().getConnection().execute('select 1 as one');
    expect(await Promise.all([one(), one()])).toEqual([[{ one: 1 }], [{ one: 1 }]]);
    const native = (await orm.driver.getConnection().getNativeClient()) as { _closed: boolean };
    await orm.close();
    expect(native._closed).toBe(true);
    await database.drop();
  });

  test('a killed session gives its slot back, and a drain does not wait for it', async () => {
    const database = await createDatabase(driver);
    const graph = await createGraph({ ...database.config, pool: { max: 1 } } as DatabaseConfig);
    const singleton = graph.createOrmSingleton(graph.config, { name: 'killed session' });
    const orm = await singleton();
    for (const within of ['outside of a transaction', 'in a transaction']) {
      const abort = new AbortController();
      const em = orm.em.fork({ signal: abort.signal, inflightQueryAbortStrategy: 'kill session' });
      const sleep = (on: typeof em) =>
        (on.getConnection() as unknown as { execute(...args: unknown[]): Promise<unknown> }).execute(
          'select sleep(30)',
          [],
          'all',
          on.getTransactionContext(),
          {
            signal: abort.signal,
            inflightQueryAbortStrategy: 'kill session',
          },
        );
      const sleeping = within === 'in a transaction' ? em.transactional(tx => sleep(tx as typeof em)) : sleep(em);
      setTimeout(() => abort.abort(), 300);
      await expect(sleeping, within).rejects.toThrow();
      expect(await orm.em.fork().getConnection().execute('select 1 as one'), within).toEqual([{ one: 1 }]);
    }
    const start = performance.now();
    await singleton.close({ drain: 30_000 });
    expect(performance.now() - start).toBeLessThan(15_000);
    await database.drop();
  });
});

await describeDriver('sqlite', driver => {
  test('what waits when the last user closes is rejected, and does not open the file again', async () => {
    const database = await createDatabase(driver);
    const graph = await createGraph(database.config);
    const orm = await graph.createOrmSingleton(graph.config, { migrate: true, name: 'waits' })();
    const em = orm.em.fork();
    await em.begin();
    const waiting = orm.em.fork().getConnection().execute(`insert into users (email, name) values ('a', 'A')`);
    const native = (await orm.driver.getConnection().getNativeClient()) as { open: boolean };
    const closed = orm.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ORM_CLOSED' });
    await closed;
    expect(native.open).toBe(false);
    await database.drop();
  });

  test('a function of SQL keeps its number of arguments', async () => {
    const database = await createDatabase(driver);
    const graph = await createGraph(database.config);
    const orm = await graph.createOrmSingleton(graph.config, { name: 'arity' })();
    const connection = orm.driver.getConnection() as unknown as {
      database: { function(name: string, options: object, fn: (x: number) => number): void };
      execute(sql: string): Promise<unknown>;
    };
    connection.database.function('twice', {}, x => x * 2);
    expect(await connection.execute('select twice(4) as n')).toEqual([{ n: 8 }]);
    await expect(connection.execute('select twice(4, 5) as n')).rejects.toThrow(/wrong number of arguments/);
    await orm.close();
    await database.drop();
  });
});

await describeDriver('pglite', () => {
  test('an instance of the app’s own works, and stays open', async () => {
    const pglite = new PGlite();
    await pglite.waitReady;
    const graph = await createGraph({
      driver: PgliteDriver,
      dbName: 'own',
      driverOptions: { pglite },
    } as DatabaseConfig);
    const orm = graph.createOrmSingleton(graph.config, { migrate: true, name: 'own instance' });
    expect(await (await orm()).em.fork().count(graph.User)).toBe(0);
    await orm.close();
    expect(pglite.closed).toBe(false);
    await pglite.close();
  });
});

await describeDriver('postgresql', driver => {
  test('a reconnect reads the settings anew, where nobody else uses the pool', async () => {
    const database = await createDatabase(driver);
    let n = 0;
    const graph = await createGraph({
      ...database.config,
      driverOptions: () => ({ application_name: `token-${++n}` }),
    } as DatabaseConfig);
    const singleton = graph.createOrmSingleton(graph.config, { name: 'reconnect' });
    const orm = await singleton();
    const names = new Set<unknown>();
    for (let i = 0; i < 3; i++) {
      const [row] = (await orm.driver.getConnection().execute('show application_name')) as {
        application_name: string;
      }[];
      names.add(row!.application_name);
      await orm.reconnect();
    }
    expect(names.size).toBe(3);
    await singleton.close();
    await database.drop();
  });

  test('a query that nobody waits for any more is ended on the server', async () => {
    const database = await createDatabase(driver);
    const config = { ...database.config, pool: { max: 2 }, driverOptions: { query_timeout: 150 } } as DatabaseConfig;
    const graph = await createGraph(config);
    const singleton = graph.createOrmSingleton(graph.config, { name: 'slow database' });
    const orm = await singleton();
    const asleep = async () => {
      const [row] = await onServer<{ n: number }[]>(
        { ...database.config, dbName: 'postgres' } as DatabaseConfig,
        `select count(*)::int as n from pg_stat_activity where datname = '${String(database.config.dbName)}' and query like '%pg_sleep%' and state = 'active'`,
      );
      return row!.n;
    };
    const queries = Array.from({ length: 12 }, () => orm.em.fork().getConnection().execute('select pg_sleep(60)'));
    const results = await Promise.allSettled(queries);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    await vi.waitFor(async () => expect(await asleep()).toBe(0), { timeout: 15_000, interval: 100 });
    await singleton.close();
    await database.drop();
  });
});
