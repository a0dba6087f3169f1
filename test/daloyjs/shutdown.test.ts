import { MikroORM } from '@mikro-orm/core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeDriver, onServer } from '../support/databases.js';
import { createShopDatabase, loadShop, PROBLEM, urlOf } from './support/shop.ts';
import { startServer } from './support/server.ts';

let database: Awaited<ReturnType<typeof createShopDatabase>>;

/** Connections that this test's database has. */
async function backends(): Promise<number> {
  const { dbName } = database.config;
  const sql = `select count(*)::int as n from pg_stat_activity where datname = '${dbName}'`;
  const [row] = await onServer<[{ n: number }]>({ ...database.config, dbName: 'postgres' }, sql);
  return row.n;
}

/** How many connections of this test's database wait for a lock. */
async function waiting(): Promise<number> {
  const { dbName } = database.config;
  const sql = `select count(*)::int as n from pg_stat_activity where datname = '${dbName}' and wait_event_type = 'Lock'`;
  const [row] = await onServer<[{ n: number }]>({ ...database.config, dbName: 'postgres' }, sql);
  return row.n;
}

/** Locks a row of the inventory until `release`. */
async function holdRow(sku: string): Promise<{ locked: Promise<void>; release: () => void }> {
  const [holds, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const orm = new MikroORM({ ...database.config, discovery: { warnWhenNoEntities: false } });
  const locked = orm.em.fork().transactional(async em => {
    const sql = `select from inventory where sku = '${sku}' for update`;
    await em.getConnection().execute(sql, [], 'all', em.getTransactionContext());
    holds.resolve();
    await released.promise;
  });
  await Promise.race([holds.promise, locked]);
  return { locked: locked.finally(() => orm.close()), release: released.resolve };
}

await describeDriver('postgresql', () => {
  beforeAll(async () => {
    database = await createShopDatabase('postgresql');
  });
  afterAll(() => database.drop());

  test('50 slow requests finish, then the pool closes; what comes later is 503', async () => {
    const { app, orm, ormHooks, call } = await loadShop(database.url);
    let running = 0;
    const all = Promise.withResolvers<void>();
    app.route({
      method: 'GET',
      path: '/slow',
      hooks: ormHooks,
      responses: { 200: { description: 'Slept' } },
      acknowledgeNoResponseBodySchema: true,
      handler: async ({ state: { em } }) => {
        if (++running === 50) all.resolve();
        await em.getConnection().execute('select pg_sleep(0.05)');
        await new Promise(resolve => setTimeout(resolve, 200)); // nothing holds a connection here
        return { status: 200, body: await em.getConnection().execute('select 1 as one') };
      },
    });
    await app.ready();
    const slow = Array.from({ length: 50 }, () => call('GET', '/slow'));
    await all.promise;
    const closing = app.shutdown();
    expect(await call('GET', '/healthz')).toMatchObject({ status: 503, type: PROBLEM });
    for (const { status, body } of await Promise.all(slow)) {
      expect({ status, body }).toEqual({ status: 200, body: [{ one: 1 }] });
    }
    await closing;
    await vi.waitFor(async () => expect(await backends()).toBe(0), { timeout: 15_000 }); // a backend ends after its client
    await expect(orm()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
  });

  test('a streamed answer keeps its connection, which the shutdown waits for', async () => {
    const { app, orm, ormHooks, User } = await loadShop(database.url);
    app.route({
      method: 'GET',
      path: '/stream',
      hooks: ormHooks,
      acknowledgeNoResponseBodySchema: true,
      responses: { 200: { description: 'Rows' } },
      handler: ({ state: { em } }) => {
        const lines = async function* () {
          for await (const { email } of em.stream(User, { orderBy: { email: 'asc' } })) {
            yield new TextEncoder().encode(`${email}\n`);
          }
        };
        return new Response(ReadableStream.from(lines()) as unknown as ReadableStream<Uint8Array>);
      },
    });
    await app.ready();
    const em = (await orm()).em.fork();
    for (let i = 0; i < 300; i++) em.create(User, { email: `${i}@example.com`, name: null });
    await em.flush();
    const { body } = await app.request('/stream');
    const reader = body!.getReader();
    await reader.read();
    const closing = app.shutdown();
    let lines = 1;
    while (!(await reader.read()).done) {
      if (++lines % 100 === 0) await new Promise(resolve => setTimeout(resolve, 100));
    }
    expect(lines).toBe(300);
    await closing;
    await vi.waitFor(async () => expect(await backends()).toBe(0), { timeout: 15_000 }); // a backend ends after its client
  });

  test('the server prints its address, finishes what runs at SIGTERM, and exits with 0', async () => {
    const server = startServer({ DATABASE_URL: urlOf(database.config) });
    const address = await server.address;
    const put = (sku: string) =>
      fetch(`${address}/inventory/${sku}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ stock: 1 }),
      });
    expect((await put('first')).status).toBe(200);
    // holds the row, so that the next request is still running when the signal comes
    const { locked, release } = await holdRow('first');
    const slow = put('first');
    await expect.poll(waiting, { timeout: 10_000 }).toBe(1);
    server.signal('SIGTERM');
    const health = () =>
      fetch(`${address}/healthz`)
        .then(({ status }) => status)
        .catch(() => 'refused');
    await expect.poll(health, { timeout: 10_000 }).not.toBe(200);
    release();
    expect((await slow).status).toBe(200);
    expect(await server.exited).toBe(0);
    await locked;
    await vi.waitFor(async () => expect(await backends()).toBe(0), { timeout: 15_000 }); // a backend ends after its client
  });
});
