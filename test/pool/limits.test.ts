import type { MikroORM } from '@mikro-orm/core';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  createDatabase,
  describeDriver,
  killConnections,
  onServer,
  PORTS,
  type DatabaseConfig,
} from '../support/databases.js';
import { createGraph, importLibrary } from '../support/graphs.js';
import { createProxy } from '../support/proxy.js';
import type { OrmSingletonOptions } from '../../src/index.js';

const SLEEP = { postgresql: 'select pg_sleep', mariadb: 'select sleep' };

let library: Awaited<ReturnType<typeof importLibrary>>;
beforeAll(async () => {
  library = await importLibrary();
});

/** An opened ORM behind a proxy, with short limits. */
async function open(
  name: 'postgresql' | 'mariadb',
  { max = 2, ...pool }: OrmSingletonOptions['pool'] & { max?: number },
  more: object = {},
) {
  const database = await createDatabase(name);
  onTestFinished(() => database.drop());
  const proxy = await createProxy(PORTS[name]);
  onTestFinished(() => proxy.cut());
  const config = { ...database.config, port: proxy.port, pool: { min: 0, max }, ...more } as DatabaseConfig;
  const graph = await createGraph(config, library);
  const singleton = graph.createOrmSingleton(graph.config, { name: `limits ${database.config.dbName}`, pool });
  onTestFinished(() => singleton.close());
  const orm = (await singleton()) as unknown as MikroORM;
  const run = (sql: string): Promise<unknown> => orm.driver.getConnection().execute(sql);
  const status = (work: Promise<unknown>) =>
    work.then(
      () => 'ok',
      (error: unknown) => graph.mapOrmError(error, { orm })?.code ?? error,
    );
  const statuses = (sql: string, times: number) => Promise.all(Array.from({ length: times }, () => status(run(sql))));
  const sessions = async () =>
    (
      await onServer<unknown[]>(
        { ...database.config, dbName: name === 'postgresql' ? 'postgres' : 'test' },
        name === 'postgresql'
          ? `select 1 from pg_stat_activity where datname = '${database.config.dbName}' and state = 'active'`
          : `select 1 from information_schema.processlist where db = '${database.config.dbName}' and command <> 'Sleep'`,
      )
    ).length;
  return { database, proxy, graph, singleton, orm, run, status, statuses, sessions };
}

/** A transaction that has a connection, until the function that is returned is called. */
async function hold(orm: MikroORM): Promise<() => Promise<void>> {
  const em = orm.em.fork();
  await em.begin();
  await em.getConnection().execute('select 1', [], 'all', em.getTransactionContext());
  return () => em.commit();
}

const ok = (times: number) => Array.from({ length: times }, () => 'ok');

/** What `work` takes, in ms. */
async function timed<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const start = performance.now();
  return { result: await work, ms: performance.now() - start };
}

for (const name of ['postgresql', 'mariadb'] as const) {
  await describeDriver(name, () => {
    test('idle connections that have gone silent are replaced before anybody uses them', async () => {
      const { proxy, statuses } = await open(name, { max: 4, validateAfter: 0, validateTimeout: 300 });
      expect(await statuses(`${SLEEP[name]}(0.05)`, 4)).toEqual(ok(4));
      expect(proxy.open).toBe(4);
      proxy.silence();
      expect(await statuses('select 1', 16)).toEqual(ok(16));
      await expect.poll(() => proxy.open).toBeLessThanOrEqual(4);
    });

    test('one that answers is handed out again, and in a transaction nothing is asked', async () => {
      const { proxy, orm, statuses } = await open(name, { max: 1, validateAfter: 0, validateTimeout: 5_000 });
      await statuses('select 1', 1);
      const before = proxy.accepted;
      expect(await statuses('select 1', 8)).toEqual(ok(8));
      expect(proxy.accepted).toBe(before);
      const held = orm.em.fork().transactional(async em => {
        const connection = em.getConnection();
        await connection.execute('select 1', [], 'all', em.getTransactionContext());
        proxy.silence();
        await connection.execute('select 1', [], 'all', em.getTransactionContext());
      });
      const error: unknown = await held.catch((thrown: unknown) => thrown);
      expect(library.mapOrmError(error, { orm })?.code).toBe('database-unavailable');
    });

    test('never is never', async () => {
      const { proxy, status, run } = await open(name, {
        validateAfter: false,
        queryTimeout: 300,
        validateTimeout: 60_000,
        max: 1,
      });
      expect(await status(run('select 1'))).toBe('ok');
      proxy.silence();
      expect(await status(run('select 1'))).toBe('query-timeout');
      expect(await status(run('select 1'))).toBe('ok');
    });

    test('queries under way on connections that have gone silent fail soon, and the pool heals', async () => {
      const { proxy, statuses, status, run } = await open(name, { max: 4, validateTimeout: 400 });
      await statuses(`${SLEEP[name]}(0.05)`, 4);
      const long = Promise.all(Array.from({ length: 4 }, () => status(run(`${SLEEP[name]}(1)`))));
      await expect.poll(() => proxy.open).toBe(4);
      proxy.silence();
      const { result, ms } = await timed(long);
      // the server works for one second, and the answer is lost: then it knows the session as idle
      expect(result).toEqual(Array.from({ length: 4 }, () => 'database-unavailable'));
      expect(ms, 'TCP would take a quarter of an hour').toBeLessThan(20_000);
      expect(await statuses('select 1', 16)).toEqual(ok(16));
    });

    test('a query that takes long is left alone', async () => {
      const { statuses, proxy } = await open(name, { max: 2, validateTimeout: 100 });
      expect(await statuses(`${SLEEP[name]}(1.5)`, 2)).toEqual(ok(2));
      expect(proxy.accepted, 'the server was asked meanwhile').toBeGreaterThan(2);
    });

    test('a server that says nothing at all: what waits is given up', async () => {
      const { proxy, status, run } = await open(name, { validateTimeout: 200, connectTimeout: 300, max: 1 });
      await status(run('select 1'));
      proxy.silence({ fresh: true });
      expect(await status(run('select 1'))).toBe('database-unavailable');
      expect(await status(run('select 1')), 'it cannot connect').toBe('database-unavailable');
      proxy.silence();
      expect(await status(run('select 1'))).toBe('ok');
    });

    test('who waits for a connection for too long is told that the pool is full, and the pool goes on', async () => {
      const { orm, status, run, graph } = await open(name, { acquireTimeout: 300 });
      const holders = [await hold(orm), await hold(orm)];
      const error = (await run('select 1').catch((thrown: unknown) => thrown)) as Error;
      expect(error).toBeInstanceOf(graph.PoolTimeoutError);
      expect(error).toMatchObject({
        code: 'POOL_TIMEOUT',
        message: expect.stringContaining('pool.acquireTimeout, 300 ms'),
        cause: { message: expect.stringMatching(/^2 connections are in use \(pool\.max: 2\), the oldest for \d+ ms/) },
      });
      expect(graph.mapOrmError(error)).toMatchObject({ code: 'database-overloaded', status: 503, retryable: true });
      const next = run('select 1');
      await Promise.all(holders.map(release => release()));
      expect(await status(next)).toBe('ok');
      expect(await Promise.all([status(run('select 1')), status(run('select 1'))])).toEqual(ok(2));
    });

    test('a statement that takes too long is stopped on the server, in a transaction, too', async () => {
      const { orm, run, graph, sessions, statuses } = await open(name, { queryTimeout: 300 });
      const slow = `${SLEEP[name]}(30)`;
      const error = (await run(slow).catch((thrown: unknown) => thrown)) as Error;
      expect(error).toBeInstanceOf(graph.QueryTimeoutError);
      expect(graph.mapOrmError(error)).toMatchObject({ code: 'query-timeout', status: 504, retryable: false });
      const within = orm.em
        .fork()
        .transactional(em => em.getConnection().execute(slow, [], 'all', em.getTransactionContext()));
      expect(graph.mapOrmError(await within.catch((thrown: unknown) => thrown))).toMatchObject({ status: 504 });
      await expect.poll(sessions, { timeout: 15_000 }).toBe(0);
      expect(await statuses('select 1', 8)).toEqual(ok(8));
    });

    test('what driverOptions say wins', async () => {
      const driverOptions =
        name === 'postgresql' ? { query_timeout: 200, connectionTimeoutMillis: 250 } : { connectTimeout: 250 };
      const { proxy, status, run, graph } = await open(
        name,
        { queryTimeout: 60_000, connectTimeout: 60_000, max: 1, validateTimeout: 60_000 },
        { driverOptions },
      );
      if (name === 'postgresql') {
        const error = (await run('select pg_sleep(30)').catch((thrown: unknown) => thrown)) as Error;
        expect(error.message).toBe('Query read timeout');
        expect(graph.mapOrmError(error)?.code).toBe('query-timeout');
      }
      await status(run('select 1'));
      proxy.reset();
      proxy.silence({ fresh: true });
      await expect.poll(() => status(run('select 1')), { timeout: 15_000 }).toBe('database-unavailable');
    });

    test('a silent server fails the first orm() in time, and check(), and the next attempt starts anew', async () => {
      const database = await createDatabase(name);
      onTestFinished(() => database.drop());
      const proxy = await createProxy(PORTS[name]);
      onTestFinished(() => proxy.cut());
      proxy.silence({ fresh: true });
      const graph = await createGraph({ ...database.config, port: proxy.port } as DatabaseConfig, library);
      const orm = graph.createOrmSingleton(graph.config, { migrate: true, pool: { connectTimeout: 300 } });
      onTestFinished(() => orm.close());
      const opening = await orm().catch((error: unknown) => error);
      expect(graph.mapOrmError(opening)).toMatchObject({ code: 'database-unavailable' });
      expect(await orm.check({ timeout: 100 })).toMatchObject({
        ok: false,
        database: { ok: false, reason: 'database-unavailable' },
      });
      proxy.resume();
      expect(await (await orm()).em.fork().count(graph.User)).toBe(0);
    });

    test('check() of a busy pool says so in time', async () => {
      const { orm, singleton } = await open(name, { max: 1 });
      const release = await hold(orm);
      expect((await singleton.check({ timeout: 200 })).database.reason).toBe('database-overloaded');
      await release();
      expect((await singleton.check()).database).toEqual({ ok: true });
    });

    test('close() ends in its time in a silent network', async () => {
      const { proxy, singleton, status, run, statuses } = await open(name, {
        max: 2,
        validateTimeout: 60_000,
        acquireTimeout: 60_000,
      });
      await statuses(`${SLEEP[name]}(0.05)`, 2);
      proxy.silence();
      const waiting = status(run('select 1'));
      const queued = [status(run('select 1')), status(run('select 1'))];
      const { ms } = await timed(singleton.close({ drain: 500 }));
      expect(ms).toBeLessThan(15_000);
      expect(await Promise.all([waiting, ...queued])).toEqual(Array.from({ length: 3 }, () => 'database-unavailable'));
      await expect.poll(() => proxy.open, { timeout: 15_000 }).toBe(0);
    });

    test('a stream whose connection ends rejects, and one whose rows do not come', async () => {
      const { orm, database, status, proxy, statuses } = await open(name, { max: 2, queryTimeout: 500 });
      const many =
        name === 'postgresql'
          ? "select n, repeat('x', 200) as text from generate_series(1, 100000) as t (n)"
          : "select seq as n, repeat('x', 200) as text from seq_1_to_100000";
      const connection = orm.driver.getConnection() as unknown as {
        stream(sql: string): AsyncIterable<{ n: number }>;
      };
      const read = async (during: () => Promise<unknown>) => {
        let rows = 0;
        for await (const row of connection.stream(many)) {
          expect(row.n).toBeGreaterThan(0);
          if (++rows === 5) {
            await during();
          }
        }
        return rows;
      };
      expect(await read(async () => undefined)).toBe(100_000);
      expect(await status(read(() => killConnections(name, database.config)))).toBe('database-unavailable');
      expect(await status(read(async () => proxy.silence()))).toMatch(/^query-timeout|database-unavailable$/);
      expect(await statuses('select 1', 8)).toEqual(ok(8));
    });
  });
}

await describeDriver('postgresql', () => {
  test('a server that does not write any more is left, for the one that does, and check() says so', async () => {
    const { database, proxy, orm, status, run, singleton } = await open('postgresql', { max: 4 });
    const { dbName } = database.config;
    const admin = (sql: string) => onServer({ ...database.config, dbName: 'postgres' }, sql);
    const write = () => status(run('insert into written values (1)'));
    await onServer(database.config, 'create table written (id int)');
    await admin(`alter database ${dbName} set default_transaction_read_only = on`);
    const held = await Promise.all([hold(orm), hold(orm), hold(orm)]); // connections of before and of since
    await Promise.all(held.map(release => release()));
    await killConnections('postgresql', database.config);
    await expect.poll(() => proxy.open).toBe(0);
    expect(await write()).toBe('database-read-only');
    const [first, second] = [await hold(orm), await hold(orm)];
    await Promise.all([first(), second()]);
    expect(await singleton.check()).toMatchObject({ database: { ok: true, writable: false } });
    await admin(`alter database ${dbName} set default_transaction_read_only = off`);
    expect(await write()).toBe('database-read-only'); // by a connection that was opened before
    expect(await Promise.all([write(), write(), write(), write()]), 'no idle one is left').toEqual(ok(4));
    expect((await singleton.check()).database).toEqual({ ok: true });
  });
});

for (const name of ['sqlite', 'libsql', 'pglite'] as const) {
  await describeDriver(name, () => {
    test('who waits for the one handle for too long is told so', async () => {
      const database = await createDatabase(name);
      onTestFinished(() => database.drop());
      const graph = await createGraph(database.config, library);
      const singleton = graph.createOrmSingleton(graph.config, {
        name: `limits ${name} ${database.config.dbName}`,
        pool: { acquireTimeout: 200 },
      });
      onTestFinished(() => singleton.close());
      const orm = (await singleton()) as unknown as MikroORM;
      const release = await hold(orm);
      const late = orm.em.fork().transactional(async () => undefined);
      const error: unknown = await late.catch((thrown: unknown) => thrown);
      expect(graph.mapOrmError(error, { orm })?.code).toBe('database-overloaded');
      const next = orm.em.fork().transactional(async () => 'done');
      await release();
      expect(await next).toBe('done');
    });
  });
}

test('bad limits are refused, and name the option', async () => {
  const database = await createDatabase('sqlite');
  onTestFinished(() => database.drop());
  const graph = await createGraph(database.config, library);
  for (const [pool, message] of [
    [{ validateAfter: -1 }, 'pool.validateAfter takes a number from 0 on, and got -1.'],
    [{ acquireTimeout: false }, 'pool.acquireTimeout takes a number from 1 on, and got false.'],
    [{ queryTimeout: 0 }, 'pool.queryTimeout takes a number from 1 on, and got 0.'],
    [{ connectTimeout: '10s' }, 'pool.connectTimeout takes a number from 1 on, and got 10s.'],
  ] as const) {
    const orm = graph.createOrmSingleton(graph.config, { pool: pool as never });
    await expect(orm()).rejects.toMatchObject({ code: 'ORM_CONFIG', message });
  }
});
