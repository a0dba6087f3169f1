import { RequestContext } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { App, Hooks } from '@daloyjs/core';
import { withRequestContext } from 'mikro-orm-web';
import { loadShop, PROBLEM, request, type Shop } from './support/shop.ts';

let shop: Shop;
beforeEach(async () => {
  // hooks are the same on each database, and this one opens at once; it has no tables
  shop = await loadShop(undefined, {
    driver: SqliteDriver,
    dbName: ':memory:',
    migrations: { migrationsList: [] },
  });
});
afterEach(() => shop.orm.close());

/** A route that says whether it got an EntityManager of its own. */
function addProbe(app: App, path: `/${string}`, hooks: Hooks = {}): void {
  app.route({
    method: 'GET',
    path,
    hooks,
    acknowledgeNoResponseBodySchema: true,
    responses: { 200: { description: 'Probed' } },
    handler: async ({ state }) => {
      const isFork = state.em !== undefined && state.em !== shop.orm.current!.em;
      return { status: 200, body: { isFork, rows: await state.em.getConnection().execute('select 1 as one') } };
    },
  });
}
const FORKED = { status: 200, body: { isFork: true, rows: [{ one: 1 }] } };

/** Resolves to true when no request counts as running: nothing is left that close() would wait for. */
async function isIdle(): Promise<boolean> {
  const start = performance.now();
  await shop.orm.close({ drain: 3_000 });
  return performance.now() - start < 1_500;
}

describe('the order of registration', () => {
  test('does not matter with new App({ hooks }): routes before, after, in groups and in plugins', async () => {
    const app = new shop.App({ logger: false, hooks: shop.ormHooks });
    addProbe(app, '/before');
    app.group('/group', {}, child => addProbe(child, '/before'));
    app.register(child => addProbe(child, '/plugin'), { prefix: '/child' });
    app.register(shop.ormPlugin);
    app.group('/group', {}, child => child.group('/deeper', {}, grandchild => addProbe(grandchild, '/after')));
    addProbe(app, '/after');
    await app.ready();
    for (const path of ['/before', '/group/before', '/child/plugin', '/group/deeper/after', '/after']) {
      expect(await request(app, 'GET', path), path).toMatchObject(FORKED);
    }
    await app.shutdown();
    expect(shop.orm.current).toBeUndefined();
  });

  test('matters with app.use(): only what is registered afterwards', async () => {
    const app = new shop.App({ logger: false });
    addProbe(app, '/before');
    app.use(shop.ormHooks);
    app.group('/group', {}, child => addProbe(child, '/after'));
    addProbe(app, '/after');
    app.register(shop.ormPlugin);
    await app.ready();
    expect(await request(app, 'GET', '/before')).toMatchObject({ status: 500 });
    expect(await request(app, 'GET', '/after')).toMatchObject(FORKED);
    expect(await request(app, 'GET', '/group/after')).toMatchObject(FORKED);
    expect(await request(app, 'GET', '/nowhere')).toMatchObject({ status: 404 });
    expect(await isIdle()).toBe(true);
  });
});

test('only routes with the hooks open anything', async () => {
  const app = new shop.App({ logger: false });
  app.register(child => addProbe(child, '/with'), { hooks: shop.ormHooks });
  app.route({
    method: 'GET',
    path: '/without',
    responses: { 204: { description: 'Nothing' } },
    handler: ({ state }) => {
      expect(state.em).toBeUndefined();
      return { status: 204, body: undefined };
    },
  });
  expect(await app.request('/without')).toMatchObject({ status: 204 });
  expect(shop.orm.current).toBeUndefined();
  expect(await request(app, 'GET', '/with')).toMatchObject(FORKED);
  expect(await isIdle()).toBe(true);
});

test('hooks that the app and a group have are one', async () => {
  const app = new shop.App({ logger: false, hooks: shop.ormHooks });
  app.register(child => addProbe(child, '/twice'), { hooks: shop.ormHooks });
  expect(await request(app, 'GET', '/twice')).toMatchObject(FORKED);
  expect(await isIdle()).toBe(true);
});

test('a sub-request in the process is a request of its own, also of the same Request object', async () => {
  const app = new shop.App({ logger: false, hooks: shop.ormHooks });
  const seen: unknown[] = [];
  app.route({
    method: 'GET',
    path: '/outer',
    responses: { 204: { description: 'Seen' } },
    handler: async ({ request: outer, state }) => {
      seen.push(state.em);
      if (seen.length === 1) await withRequestContext(shop.orm, async () => void (await app.fetch(outer)));
      expect((await state.em.getConnection().execute('select 1 as one'))[0]).toEqual({ one: 1 });
      return { status: 204, body: undefined };
    },
  });
  expect(await app.request('/outer')).toMatchObject({ status: 204 });
  expect(new Set(seen).size).toBe(2);
  expect(await isIdle()).toBe(true);
});

describe('a request counts as running', () => {
  const start = (hooks: Hooks = {}) => {
    const app = new shop.App({ logger: false, hooks: shop.ormHooks });
    app.use(hooks);
    return app;
  };

  test('until it is answered: close() waits, and nothing has to hold a connection for that', async () => {
    const app = start();
    const entered = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    addProbe(app, '/slow', { beforeHandle: () => (entered.resolve(), go.promise) });
    const answer = request(app, 'GET', '/slow');
    await entered.promise;
    let closed = false;
    const closing = shop.orm.close({ drain: 20_000 }).then(() => (closed = true));
    await new Promise(resolve => setTimeout(resolve, 300)); // longer than close() takes where nothing runs
    expect(closed).toBe(false);
    go.resolve();
    expect(await answer).toMatchObject(FORKED);
    await closing;
    const log = vi.spyOn(console, 'error').mockReturnValue();
    expect(await request(app, 'GET', '/slow')).toMatchObject({
      status: 503,
      type: PROBLEM,
      body: { code: 'database-unavailable' },
    });
    expect(log).toHaveBeenCalledOnce();
    log.mockRestore();
  });

  const fail = (): never => {
    throw new Error('a bug');
  };
  const ways: Record<string, { status?: number; hooks?: Hooks; own?: Hooks; path?: string; method?: string }> = {
    answered: { status: 200 },
    HEAD: { status: 200, method: 'HEAD' },
    'a route that is not there': { status: 404, path: '/nowhere' },
    'another method': { status: 405, method: 'DELETE' },
    'a preflight': { method: 'OPTIONS' },
    'refused before the handler': { status: 401, hooks: { beforeHandle: () => new Response('no', { status: 401 }) } },
    'refused before the body': { status: 401, hooks: { preBody: () => new Response('no', { status: 401 }) } },
    'thrown before the handler': { status: 500, hooks: { beforeHandle: fail } },
    'thrown after the handler': { status: 500, own: { afterHandle: fail } },
    'answered by another onError': {
      status: 418,
      hooks: { beforeHandle: fail, onError: () => new Response('no', { status: 418 }) },
    },
    'thrown by another onError': { hooks: { beforeHandle: fail, onError: fail } },
    'thrown by another onSend': { hooks: { onSend: fail } },
  };
  for (const [way, { status, hooks, own, path = '/probe', method = 'GET' }] of Object.entries(ways)) {
    test(`and no longer: ${way}`, async () => {
      const app = start(hooks);
      addProbe(app, '/probe', own);
      await shop.orm();
      const answer = await app.request(path, { method }).catch(() => undefined);
      if (status) expect(answer?.status).toBe(status);
      expect(await isIdle()).toBe(true);
    });
  }
});

test('each request has a fork of its own, also inside the context of a caller; other errors stay the framework’s', async () => {
  const app = new shop.App({ logger: false, hooks: shop.ormHooks });
  const seen = new Set<unknown>();
  app.route({
    method: 'GET',
    path: '/seen',
    responses: { 200: { description: 'Seen' } },
    handler: ({ state }) => {
      seen.add(state.em);
      expect(RequestContext.getEntityManager()).not.toBe(state.em);
      return { status: 200, body: undefined };
    },
  });
  app.route({
    method: 'GET',
    path: '/teapot',
    responses: {},
    handler: () => {
      throw new shop.HttpError(418, { title: 'Teapot' });
    },
  });
  await withRequestContext(shop.orm, async em => {
    seen.add(em);
    await Promise.all([app.request('/seen'), app.request('/seen')]);
  });
  expect(seen.size).toBe(3);
  const log = vi.spyOn(console, 'error').mockReturnValue();
  expect(await request(app, 'GET', '/teapot')).toMatchObject({ status: 418, type: PROBLEM, body: { title: 'Teapot' } });
  expect(log).not.toHaveBeenCalled();
});
