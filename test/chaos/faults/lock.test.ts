import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, type TestContext } from 'vitest';
import { createDatabase, describeDriver, onServer, type DatabaseConfig } from '../../support/databases.js';
import { stateOf, thaw, until } from '../../support/processes.js';
import { createProxy, type Proxy } from '../../support/proxy.js';
import type { Orders, Result } from './migrator.js';
import { DRIVERS, LIMITS, PORTS, type Driver } from './scenario.js';

/** How long a process waits for another one that migrates, in ms. */
const LOCK_TIMEOUT = 2_000;

/** How long it may take beyond its limits: a heartbeat, an answer that does not come, a busy machine. In ms. */
const SLACK = 10_000;

/** Starts a process that migrates. */
async function startMigrator(orders: Orders, { onTestFinished }: TestContext) {
  const child = fork(resolve(import.meta.dirname, 'migrator.ts'), [JSON.stringify(orders)], {
    env: { ...process.env, NODE_ENV: 'production' },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exit = once(child, 'exit');
  const { promise: migrating, resolve: migrates } = Promise.withResolvers<void>();
  const { promise: result, resolve: ends } = Promise.withResolvers<Result>();
  child.on('message', (message: { event?: string; result?: Result }) => {
    if (message.event === 'migrating') {
      migrates();
    }
    if (message.result) {
      ends(message.result);
    }
  });
  return {
    pid: child.pid!,
    migrating,
    go: () => child.send('go'),
    /** What came of it; throws where nothing comes within `limit` ms. */
    result: (limit: number): Promise<Result> =>
      Promise.race([
        result,
        sleep(limit).then(() =>
          Promise.reject(new Error(`${orders.tag} has neither migrated nor failed within ${limit} ms`)),
        ),
      ]),
    exits: (): Promise<boolean> => Promise.race([exit.then(() => true), sleep(SLACK, false)]),
  };
}

/** A database for migrations that leave their steps behind, and a proxy before its server. */
async function prepare(driver: Driver, context: TestContext) {
  const database = await createDatabase(driver);
  const proxy = await createProxy(PORTS[driver]);
  context.onTestFinished(async () => {
    await proxy.cut();
    await database.drop();
  });
  const { config } = database;
  await onServer(config, 'create table steps (step integer not null, tag varchar(20) not null)');
  const start = (tag: string, through: Proxy | undefined, orders: Partial<Orders> = {}) =>
    startMigrator(
      {
        driver,
        config: JSON.parse(JSON.stringify({ ...config, port: through?.port ?? PORTS[driver] })) as object,
        tag,
        lockTimeout: LOCK_TIMEOUT,
        options: LIMITS,
        transactional: true,
        holdUp: 'no',
        ...orders,
      },
      context,
    );
  /** The steps that a process has done. */
  const steps = async (tag: string): Promise<number[]> => {
    const rows = await onServer<{ step: number }[]>(
      config,
      `select step from steps where tag = '${tag}' order by step`,
    );
    return rows.map(({ step }) => step);
  };
  return { config, proxy, start, steps };
}

/** The session that holds the lock. */
async function findLock(driver: Driver, config: DatabaseConfig): Promise<number | null> {
  const sql = {
    postgresql: `select pid as id from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
    mariadb: `select is_used_lock(concat('mikro-orm-web ', left(database(), 16), ' ', md5(database()))) as id`,
  }[driver];
  const [row] = await onServer<{ id: number | null }[]>(config, sql);
  return row?.id ?? null;
}

/** How many sessions the database has, without the one that asks. */
async function countSessions(driver: Driver, config: DatabaseConfig): Promise<number> {
  const sql = {
    postgresql: `select count(*) as count from pg_stat_activity where datname = current_database()`,
    mariadb: `select count(*) as count from information_schema.processlist where db = database()`,
  }[driver];
  const [row] = await onServer<{ count: string | number }[]>(config, sql);
  return Number(row!.count) - 1;
}

for (const driver of DRIVERS) {
  await describeDriver(driver, () => {
    test.concurrent(
      'a holder in silence stops, those that wait hear of it in time',
      { timeout: 90_000 },
      async context => {
        const { config, proxy, start, steps } = await prepare(driver, context);
        const holder = await start('holder', proxy, { holdUp: 'waits' });
        await holder.migrating;
        proxy.silence({ fresh: true });
        holder.go();
        const waiter = await start('waiter', undefined);
        const waited = await waiter.result(LOCK_TIMEOUT + SLACK);
        const held = await holder.result(LIMITS.queryTimeout + SLACK);
        expect(held.name, held.message).toBeDefined();
        expect(await holder.exits(), 'the holder ends by itself').toBe(true);
        console.log(
          `${driver}: holder in silence: ${held.name} after ${held.took} ms; waiter: ${waited.name ?? 'migrated'} after ${waited.took} ms; lock held by ${await findLock(driver, config)}`,
        );
        if (waited.name !== undefined) {
          expect(waited.code).toBe('MIGRATION_LOCK');
          await proxy.cut(); // now the server knows
          const next = await start('next', undefined);
          expect(await next.result(LOCK_TIMEOUT + SLACK)).not.toHaveProperty('name');
          await proxy.restore();
        }
        expect([...(await steps('waiter')), ...(await steps('next'))]).toEqual([1, 2, 3]);
        const ofHolder = await steps('holder');
        expect(ofHolder.length, 'it has done nothing after the silence').toBeLessThan(2);
      },
    );

    test.concurrent('who waits in silence fails in time', { timeout: 90_000 }, async context => {
      const { proxy, start, steps } = await prepare(driver, context);
      const holder = await start('holder', undefined, { holdUp: 'waits' });
      await holder.migrating;
      const waiter = await start('waiter', proxy);
      await until(() => proxy.upstream > 0, 'the waiter has connected');
      proxy.silence({ fresh: true });
      const waited = await waiter.result(LOCK_TIMEOUT + SLACK);
      expect(waited.name).toBeDefined();
      expect(await waiter.exits(), 'it ends by itself').toBe(true);
      holder.go();
      expect(await holder.result(SLACK)).not.toHaveProperty('name');
      expect([await steps('holder'), await steps('waiter')]).toEqual([[1, 2, 3], []]);
    });

    test.concurrent('where all is silent from the start, a run fails in time', { timeout: 90_000 }, async context => {
      const { proxy, start } = await prepare(driver, context);
      proxy.silence({ fresh: true });
      const migrator = await start('first', proxy);
      const failed = await migrator.result(LOCK_TIMEOUT + LIMITS.connectTimeout + SLACK);
      expect(failed.name).toBeDefined();
      expect(await migrator.exits(), 'it ends by itself').toBe(true);
    });

    for (const [length, least] of [
      ['a moment', 0],
      ['longer than its heart beats', 2_500],
    ] as const) {
      const name = `a holder that was frozen for ${length}, and has lost its lock, runs no further statement`;
      test.concurrent(name, { timeout: 90_000 }, async context => {
        const { config, start, steps } = await prepare(driver, context);
        const holder = await start('holder', undefined, { holdUp: 'stops', transactional: false });
        await holder.migrating;
        await until(() => stateOf(holder.pid) === 'T', 'the holder has stopped');
        const before = await countSessions(driver, config);
        const next = await start('next', undefined, { transactional: false, lockTimeout: 30_000 });
        await until(async () => (await countSessions(driver, config)) > before, 'another process waits');
        const session = await findLock(driver, config);
        expect(session).not.toBeNull();
        await onServer(config, driver === 'postgresql' ? `select pg_terminate_backend(${session})` : `kill ${session}`);
        expect(await next.result(30_000)).not.toHaveProperty('name');
        await sleep(least); // a silence has to last
        thaw(holder.pid);
        const woken = await holder.result(SLACK);
        expect(await steps('holder')).toEqual([1]);
        expect(await steps('next')).toEqual([1, 2, 3]);
        expect(woken).toMatchObject({ code: 'MIGRATION_LOCK' });
        expect(await onServer<object[]>(config, 'select name from mikro_orm_migrations')).toHaveLength(1);
        expect(await holder.exits(), 'it ends by itself').toBe(true);
      });
    }
  });
}
