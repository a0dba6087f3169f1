import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { describeDriver, onServer } from '../support/databases.js';
import { createProxy } from '../support/proxy.ts';
import { createShopDatabase, loadShop, PROBLEM, urlOf } from './support/shop.ts';
import { startServer } from './support/server.ts';

const NOWHERE = 'postgres://postgres@127.0.0.1:1/nowhere';
const UNAVAILABLE = { status: 503, type: PROBLEM, body: { code: 'database-unavailable' } };

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue(); // the server's own log of each 5xx
});

test('ready() rejects where the database does not answer', async () => {
  const { app, call } = await loadShop(NOWHERE);
  await expect(app.ready()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  // an app that is served all the same
  expect(await call('GET', '/users')).toMatchObject(UNAVAILABLE);
  expect(await call('GET', '/healthz')).toMatchObject({ status: 503, body: { ok: false, database: false } });
  expect(await call('GET', '/openapi.json')).toMatchObject({ status: 200 });
});

test('the server says so, and exits with another code than 0', async () => {
  const server = startServer({ DATABASE_URL: NOWHERE });
  expect(await server.exited).toBe(1);
  expect(server.output()).toContain('ECONNREFUSED 127.0.0.1:1');
  expect(server.output()).not.toContain('http://');
});

await describeDriver('postgresql', () => {
  let database: Awaited<ReturnType<typeof createShopDatabase>>;
  let proxy: Awaited<ReturnType<typeof createProxy>>;
  let url: string;
  beforeAll(async () => {
    database = await createShopDatabase('postgresql');
    proxy = await createProxy(database.config.port!);
    url = urlOf({ ...database.config, port: proxy.port });
  });
  afterAll(async () => {
    await proxy.cut();
    await database.drop();
  });

  test('ready() rejects where a migration fails', async () => {
    const broken = await createShopDatabase('postgresql');
    await onServer(broken.config, 'create table inventory (id int)');
    const { app, orm } = await loadShop(broken.url);
    await expect(app.ready()).rejects.toThrow(/relation "inventory" already exists/);
    await orm.close();
    await broken.drop();
  });

  test('an outage is 503 while it lasts, also for what runs, and ends without a restart', async () => {
    const { app, call, ormHooks } = await loadShop(url);
    app.route({
      method: 'GET',
      path: '/slow',
      hooks: ormHooks,
      responses: { 200: { description: 'Slept' } },
      handler: async ({ state }) => ({
        status: 200,
        body: await state.em.getConnection().execute('select pg_sleep(30)'),
      }),
    });
    await app.ready();
    await call('PUT', '/inventory/A', { stock: 20 });

    const running = [call('GET', '/slow'), call('GET', '/slow')];
    await new Promise(resolve => setTimeout(resolve, 200));
    await proxy.cut();
    for (const answer of await Promise.all(running)) expect(answer).toMatchObject(UNAVAILABLE);
    for (let i = 0; i < 20; i++) {
      expect(await call('GET', '/inventory/A')).toMatchObject(UNAVAILABLE);
      expect(await call('POST', '/orders', { sku: 'A', qty: 1 })).toMatchObject(UNAVAILABLE);
    }
    const { status, headers, body } = await call('GET', '/users');
    expect({ status, wait: headers.get('retry-after') }).toEqual({ status: 503, wait: '5' });
    expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|ECONN|select/);
    expect(await call('GET', '/healthz')).toMatchObject({ status: 503, body: { ok: false, database: false } });

    await proxy.restore();
    const answers = await Promise.all(Array.from({ length: 20 }, () => call('POST', '/orders', { sku: 'A', qty: 1 })));
    expect(answers.map(answer => answer.status)).toEqual(Array(20).fill(201));
    expect(await call('GET', '/inventory/A')).toMatchObject({ status: 200, body: { stock: 0 } });
    expect(await call('GET', '/healthz')).toMatchObject({ status: 200 });
    await app.shutdown();
  });
});
