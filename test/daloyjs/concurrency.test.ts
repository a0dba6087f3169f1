import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeDriver } from '../support/databases.js';
import { createShopDatabase, loadShop, request, type Shop } from './support/shop.ts';

/** How often each status came. */
function tally(answers: readonly { status: number }[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

for (const driver of ['pglite', 'postgresql'] as const) {
  await describeDriver(driver, () => {
    let database: Awaited<ReturnType<typeof createShopDatabase>>;
    let shop: Shop;
    const call: Shop['call'] = (...args) => shop.call(...args);
    beforeAll(async () => {
      database = await createShopDatabase(driver);
      shop = await loadShop(database.url);
      await shop.app.ready();
    });
    afterAll(async () => {
      await shop.app.shutdown();
      await database.drop();
    });

    test('500 requests at once, of all kinds: none sees the identity map of another', async () => {
      const maps: { em: unknown; loaded: unknown[] }[] = [];
      shop.app.route({
        method: 'GET',
        path: '/probe/:sku',
        hooks: shop.ormHooks,
        responses: { 204: { description: 'Probed' } },
        handler: async ({ params, state: { em } }) => {
          const item = await em.findOneOrFail(shop.Inventory, params.sku);
          item.stock = -1; // never flushed: whoever sees it shares this EntityManager
          await new Promise(resolve => setTimeout(resolve, Math.random() * 20));
          maps.push({ em, loaded: [...em.getUnitOfWork().getIdentityMap().values()] });
          return { status: 204, body: undefined };
        },
      });
      const skus = Array.from({ length: 5 }, (_, i) => `mixed-${i}`);
      for (const sku of skus) await call('PUT', `/inventory/${sku}`, { stock: 1000 });
      const answers = await Promise.all(
        Array.from({ length: 500 }, async (_, i) => {
          const sku = skus[i % 5]!;
          const calls = [
            () => call('GET', `/probe/${sku}`),
            () => call('GET', `/inventory/${sku}`),
            () => call('POST', '/users', { email: `user${i}@example.com` }),
            () => call('GET', '/users?size=1'),
            () => call('POST', '/orders', { sku, qty: 1 }),
          ];
          return { kind: i % 5, ...(await calls[Math.floor(i / 5) % 5]!()) };
        }),
      );
      expect(tally(answers)).toEqual({ 200: 200, 201: 200, 204: 100 });
      expect(new Set(maps.map(({ em }) => em)).size).toBe(100);
      expect(maps.every(({ loaded }) => loaded.length === 1)).toBe(true);
      const stocks = answers.flatMap(({ body }) => body?.stock ?? []);
      expect(stocks).toHaveLength(100);
      expect(stocks.every(stock => stock >= 980)).toBe(true);
      for (const sku of skus) expect((await call('GET', `/inventory/${sku}`)).body.stock).toBe(980);
    });

    test('100 orders at once for the last 10: 10 succeed, 90 are 409, and none is left', async () => {
      await call('PUT', '/inventory/last', { stock: 10 });
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => call('POST', '/orders', { sku: 'last', qty: 1 })),
      );
      expect(tally(answers)).toEqual({ 201: 10, 409: 90 });
      expect((await call('GET', '/inventory/last')).body.stock).toBe(0);
    });

    // PGlite has one connection: there, transactions run one after the other anyway
    if (driver === 'pglite') return;
    test('where the guide’s `stock -= qty` sells more than there is', async () => {
      const app = new shop.App({ logger: false, hooks: shop.ormHooks });
      app.route({
        method: 'POST',
        path: '/guide/:sku',
        responses: { 201: { description: 'Ordered' }, 409: { description: 'Too little is left' } },
        handler: async ({ params: { sku }, state }) => {
          await state.em.transactional(async em => {
            const inventory = await em.findOneOrFail(shop.Inventory, { sku });
            if (inventory.stock < 1) throw new shop.HttpError(409, { title: 'Too little is left' });
            inventory.stock -= 1;
          });
          return { status: 201, body: undefined };
        },
      });
      await call('PUT', '/inventory/guide', { stock: 10 });
      const answers = await Promise.all(Array.from({ length: 100 }, () => request(app, 'POST', '/guide/guide')));
      expect(answers.filter(({ status }) => status === 201).length).toBeGreaterThan(10);
    });
  });
}
