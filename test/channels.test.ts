import { execFile, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { MikroORM } from '@mikro-orm/core';
import { expect, onTestFinished, test } from 'vitest';
import * as library from '../src/index.js';
import { withMigrationLock } from '../src/migrations/lock/migration-lock.js';
import { createDatabase, describeDriver, killConnections, PORTS, type DriverName } from './support/databases.js';
import { createGraph } from './support/graphs.js';
import { listen } from './support/messages.js';
import { createProxy } from './support/proxy.js';

const here = (file: string) => JSON.stringify(pathToFileURL(resolve(import.meta.dirname, file)).href);
const DRIVER = { postgresql: 'PostgreSqlDriver', mariadb: 'MariaDbDriver' };
const SLEEP = { postgresql: 'select pg_sleep(30)', mariadb: 'select sleep(30)' };

async function open(
  driver: DriverName,
  { pool, isDirect = false }: { pool?: library.PoolOptions; isDirect?: boolean } = {},
) {
  const database = await createDatabase(driver);
  onTestFinished(() => database.drop());
  const proxy = driver in PORTS && !isDirect ? await createProxy(PORTS[driver as keyof typeof PORTS]) : undefined;
  onTestFinished(() => proxy?.cut());
  const config = proxy ? { ...database.config, port: proxy.port } : database.config;
  const graph = await createGraph({ ...config, pool: { min: 0, max: 1 } } as typeof config, library);
  const name = `channels ${Math.random()}`;
  const orm = graph.createOrmSingleton(graph.config, { name, pool, migrate: true });
  onTestFinished(() => orm.close());
  return { database, graph, orm, name, proxy: proxy! };
}

test('every name is of this package, and none is used twice', () => {
  const names = Object.values(library.channels);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) {
    expect(name).toMatch(/^mikro-orm-web:[a-z_]+(?:\.[a-z_]+)+$/);
  }
});

for (const driver of ['postgresql', 'mariadb', 'sqlite', 'libsql', 'pglite'] as const) {
  await describeDriver(driver, () => {
    test('connections that are borrowed and given back, units of work, and statements without their values', async () => {
      const { graph, orm, name } = await open(driver);
      await orm();
      const [acquired, released, began, ended, queries] = [
        listen('connectionAcquired', name),
        listen('connectionReleased', name),
        listen('unitOfWorkBegan', name),
        listen('unitOfWorkEnded', name),
        listen('query', name),
      ];
      await graph.withRequestContext(orm, async em => {
        await em.transactional(async tx => {
          tx.create(graph.User, { email: "secret'@a.example", name: 'secret' });
          await tx.flush();
        });
        await em.fork().find(graph.User, { id: [1, 2, 3] });
        await em
          .getConnection()
          .execute("select 'secret' from nowhere")
          .catch(() => undefined);
      });
      expect(began).toEqual([{ name }]);
      expect(ended).toEqual([{ name, duration: expect.any(Number) }]);
      expect(new Set(acquired.map(({ role }) => role))).toEqual(new Set(['write']));
      // of the transaction, the query after it, and the one that fails
      expect(acquired.length).toBeGreaterThanOrEqual(3);
      expect(released).toHaveLength(acquired.length);
      for (const time of [...acquired.map(m => m.wait), ...released.map(m => m.use), ...queries.map(m => m.duration)]) {
        expect(time).toBeGreaterThanOrEqual(0);
      }
      // which MikroORM asks before its first flush on MariaDB
      const own = queries.filter(({ text }) => text !== 'show variables like ?');
      const texts = own.map(({ text }) => text.replaceAll(/["`]/g, ''));
      expect(texts).toEqual([
        'begin',
        expect.stringMatching(/^insert into users \(email, name\) values \(\?\)/),
        'commit',
        'select u0.* from users as u0 where u0.id in (?)',
        'select ? from nowhere',
      ]);
      expect(own.map(({ error }) => error)).toEqual([
        ...Array.from({ length: 4 }),
        expect.stringMatching(/42P01|ER_NO_SUCH_TABLE|SQLITE_ERROR/),
      ]);
      expect(JSON.stringify([acquired, released, began, ended, queries])).not.toContain('secret');
    });

    // PGlite has none
    test.skipIf(driver === 'pglite')('a stream is one statement, also where it is not read to its end', async () => {
      const { graph, orm, name } = await open(driver);
      const em = (await orm()).em.fork();
      await em.insertMany(graph.User, [
        { email: 'a', name: 'a' },
        { email: 'b', name: 'b' },
      ]);
      const queries = listen('query', name);
      const first = async () => {
        for await (const user of em.stream(graph.User, { where: { name: { $ne: 'secret' } } })) {
          return user.email;
        }
        return undefined;
      };
      expect(await first()).toBe('a');
      expect(queries.map(({ text }) => text)).toEqual([expect.stringMatching(/^select .* != \?$/)]);
    });
  });
}

for (const driver of ['postgresql', 'mariadb'] as const) {
  await describeDriver(driver, () => {
    test('an idle connection that went silent, and one that waits for an answer', async () => {
      const { orm, name, proxy } = await open(driver, { pool: { validateAfter: 0, validateTimeout: 200 } });
      const connection = (await orm()).driver.getConnection();
      const [failed, lost, queries] = [
        listen('validationFailed', name),
        listen('connectionLost', name),
        listen('query', name),
      ];
      proxy.silence();
      await connection.execute('select 1');
      expect(failed).toEqual([{ name, role: 'write', reason: 'no-answer', idle: expect.any(Number) }]);
      expect(lost).toEqual([]);
      // the server answers it, and has nothing to do then
      const slow = connection.execute(SLEEP[driver].replace('30', '0.1')).catch((error: unknown) => error);
      await expect.poll(() => orm.stats().pools.write.busy).toBe(1);
      proxy.silence();
      expect(await slow).toBeInstanceOf(Error);
      expect(lost).toEqual([{ name, role: 'write', reason: 'no-answer' }]);
      expect(queries.at(-1)).toMatchObject({ text: expect.stringMatching(/sleep\(\?\)/), error: 'ETIMEDOUT' });
    });

    test('an idle connection that had ended before this process heard of it', async () => {
      // the proxy is in this process, and would not hear of it, either
      const { database, orm, name } = await open(driver, { isDirect: true });
      const connection = (await orm()).driver.getConnection();
      const failed = listen('validationFailed', name);
      await connection.execute('select 1');
      // blocks this process, as if it were frozen, while the server ends the connection
      const kill = `
        import { killConnections } from ${here('./support/databases.ts')};
        import { ${DRIVER[driver]} as driver } from '@mikro-orm/${driver}';
        process.exit(await killConnections('${driver}', { ...${JSON.stringify(database.config)}, driver }));
      `;
      const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', kill], {
        cwd: resolve(import.meta.dirname, '..'),
        encoding: 'utf8',
      });
      expect(status, stderr).toBe(1);
      await connection.execute('select 1');
      expect(failed).toEqual([{ name, role: 'write', reason: 'ended', idle: expect.any(Number) }]);
    });

    test('a connection that the server has ended while it was in use', async () => {
      const { database, orm, name } = await open(driver);
      const connection = (await orm()).driver.getConnection();
      const lost = listen('connectionLost', name);
      const slow = connection.execute(SLEEP[driver]).catch((error: unknown) => error);
      await expect.poll(() => orm.stats().pools.write.busy).toBe(1);
      await killConnections(driver, database.config);
      expect(await slow).toBeInstanceOf(Error);
      await expect.poll(() => lost).toEqual([{ name, role: 'write', reason: 'ended' }]);
    });

    test('none is lost that this process has ended itself', async () => {
      const { orm, name } = await open(driver, { pool: { queryTimeout: 200 } });
      const connection = (await orm()).driver.getConnection();
      const lost = listen('connectionLost', name);
      await expect(connection.execute(SLEEP[driver])).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
      await connection.execute('select 1');
      await orm.close();
      expect(lost).toEqual([]);
    });

    test('a run that loses its lock', async () => {
      const { database } = await open(driver);
      const name = `lock ${Math.random()}`;
      const orm = plainOrm(database.config, name);
      const [lost, released] = [listen('migrationLockLost', name), listen('migrationLockReleased', name)];
      const run = withMigrationLock(orm, {}, async ({ lost: signal }) => {
        await expect
          .poll(async () => (await killConnections(driver, database.config), signal.aborted), { timeout: 10_000 })
          .toBe(true);
      });
      await run;
      expect(lost).toEqual([{ name }]);
      expect(released).toHaveLength(1);
    });
  });
}

for (const driver of ['postgresql', 'mariadb', 'sqlite'] as const) {
  await describeDriver(driver, () => {
    test('the lock of migrations: waited for, held, released', async () => {
      const database = await createDatabase(driver);
      onTestFinished(() => database.drop());
      const names = [`lock ${Math.random()}`, `lock ${Math.random()}`] as const;
      const [first, second] = [plainOrm(database.config, names[0]), plainOrm(database.config, names[1])];
      const [waiting, held, released, lost] = [
        listen('migrationLockWaiting', names[1]),
        listen('migrationLockHeld', names[1]),
        listen('migrationLockReleased', names[1]),
        listen('migrationLockLost', names[1]),
      ];
      const unhindered = listen('migrationLockWaiting', names[0]);
      let run: Promise<void> | undefined;
      await withMigrationLock(first, {}, async () => {
        run = withMigrationLock(second, {}, async () => {
          expect(released).toEqual([]);
        });
        await expect.poll(() => waiting).toEqual([{ name: names[1] }]);
        expect(held).toEqual([]);
      });
      await run;
      expect(unhindered).toEqual([]);
      expect(waiting).toHaveLength(1);
      expect(held).toEqual([{ name: names[1], wait: expect.any(Number) }]);
      expect(released).toEqual([{ name: names[1], duration: expect.any(Number) }]);
      await Promise.all([first.close(), second.close()]);
      expect(lost, 'of a lock that was given up').toEqual([]);
    });
  });
}

await describeDriver('postgresql', driver => {
  test('a transaction that is tried again, and not the last attempt', async () => {
    const { orm, name } = await open(driver);
    await orm();
    const retried = listen('transactionRetried', name);
    const failing = library.retryTransaction(
      orm,
      async em => {
        const fails = `do $$ begin raise exception 'secret' using errcode = '40001'; end $$`;
        await em.getConnection().execute(fails, [], 'all', em.getTransactionContext());
      },
      { attempts: 3 },
    );
    await expect(failing).rejects.toMatchObject({ code: 'TRANSACTION_RETRY' });
    expect(retried).toEqual([1, 2].map(attempt => ({ name, attempt, code: 'transaction-conflict' })));
  });
});

test('a subscriber that throws: the query goes on, and Node.js reports an uncaught exception', async () => {
  const script = `
    import { subscribe } from 'node:diagnostics_channel';
    import { defineConfig } from '@mikro-orm/sqlite';
    import { channels, createOrmSingleton, withRequestContext } from ${here('../dist/index.js')};
    const reported = new Set();
    process.on('uncaughtException', error => reported.add(error.message));
    for (const [key, channel] of Object.entries(channels)) subscribe(channel, () => { throw new Error(key); });
    const orm = createOrmSingleton(defineConfig({ dbName: ':memory:', entities: [], discovery: { warnWhenNoEntities: false } }));
    const rows = await withRequestContext(orm, em => em.execute('select 1 as one'));
    await orm.close();
    setImmediate(() => console.log(JSON.stringify({ rows, reported: [...reported].sort() })));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: resolve(import.meta.dirname, '..'),
  });
  expect(JSON.parse(stdout)).toEqual({
    rows: [{ one: 1 }],
    reported: ['connectionAcquired', 'connectionReleased', 'query', 'unitOfWorkBegan', 'unitOfWorkEnded'],
  });
});

function plainOrm(config: object, contextName: string): MikroORM {
  return new MikroORM({ ...config, contextName, entities: [], discovery: { warnWhenNoEntities: false } });
}
