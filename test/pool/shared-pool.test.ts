import { join } from 'node:path';
import { MikroORM } from '@mikro-orm/core';
import { SqliteDialect } from 'kysely';
// @ts-expect-error it comes without types
import Database from 'better-sqlite3';
import { expect, test, vi } from 'vitest';
import { createDatabase, describeDriver, type DatabaseConfig } from '../support/databases.js';
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
