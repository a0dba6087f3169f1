import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeDriver } from '../support/databases.js';
import { createShopDatabase, loadShop, PROBLEM, type Shop } from './support/shop.ts';

const NOBODY = '00000000-0000-4000-8000-000000000000';

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

    test('POST and GET /users: created, found, and no hidden field', async () => {
      const created = await call('POST', '/users', { email: 'ann@example.com', name: 'Ann' });
      expect(created).toMatchObject({ status: 201, type: 'application/json' });
      expect(created.body).toEqual({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        email: 'ann@example.com',
        name: 'Ann',
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      });
      expect(created.headers.get('location')).toBe(`/users/${created.body.id}`);
      expect(await call('GET', `/users/${created.body.id}`)).toMatchObject({ status: 200, body: created.body });
      const em = (await shop.orm()).em.fork();
      const { apiKey } = await em.findOneOrFail(shop.User, { email: 'ann@example.com' });
      expect(apiKey).toMatch(/^[0-9a-f-]{36}$/);
      expect((await call('POST', '/users', { email: 'nameless@example.com' })).body).toMatchObject({ name: null });
    });

    test('a duplicate email is 409 and names the field, not the value', async () => {
      await call('POST', '/users', { email: 'twice@example.com' });
      const { status, type, headers, body } = await call('POST', '/users', { email: 'twice@example.com' });
      expect({ status, type }).toEqual({ status: 409, type: PROBLEM });
      expect(body).toEqual({
        type: 'urn:mikro-orm-web:problem:unique-violation',
        title: 'Already exists',
        status: 409,
        code: 'unique-violation',
        instance: `urn:request:${headers.get('x-request-id')}`,
        entity: 'User',
        properties: ['email'],
        errors: [{ path: 'email', message: 'is already taken' }],
      });
    });

    test('what is malformed does not reach the ORM', async () => {
      expect(await call('POST', '/users', { email: 'nobody' })).toMatchObject({
        status: 422,
        type: PROBLEM,
        body: { title: 'Request validation failed', errors: [{ path: 'email' }] },
      });
      expect(await call('POST', '/users', '{')).toMatchObject({ status: 400, type: PROBLEM });
      expect(await call('GET', '/users/7')).toMatchObject({ status: 422, body: { errors: [{ path: 'id' }] } });
      expect(await call('PUT', '/inventory/A', { stock: -1 })).toMatchObject({ status: 422, type: PROBLEM });
      expect(await call('POST', '/orders', { sku: 'A', qty: 0 })).toMatchObject({ status: 422, type: PROBLEM });
      expect(await call('GET', '/users?size=0')).toMatchObject({ status: 422, type: PROBLEM });
    });

    test('what is not there is 404, by the ORM and by the framework', async () => {
      const missing = { status: 404, type: PROBLEM };
      expect(await call('GET', `/users/${NOBODY}`)).toMatchObject({
        ...missing,
        body: { code: 'not-found', entity: 'User' },
      });
      expect(await call('GET', '/inventory/none')).toMatchObject({ ...missing, body: { code: 'not-found' } });
      expect(await call('POST', '/orders', { sku: 'none', qty: 1 })).toMatchObject({
        ...missing,
        body: { entity: 'Inventory' },
      });
      expect(await call('DELETE', `/orders/${NOBODY}`)).toMatchObject({ ...missing, body: { entity: 'Order' } });
      expect(await call('GET', '/nowhere')).toMatchObject(missing);
      expect(await call('DELETE', '/users')).toMatchObject({ status: 405, type: PROBLEM });
    });

    test('GET /users pages by cursor, and refuses a malformed one', async () => {
      for (let i = 0; i < 5; i++) await call('POST', '/users', { email: `page${i}@example.com` });
      const emails: string[] = [];
      let after = '';
      for (let pages = 0; pages < 20; pages++) {
        const { status, body } = await call('GET', `/users?size=2${after}`);
        expect(status).toBe(200);
        expect(Object.keys(body).sort()).toEqual(['endCursor', 'hasNextPage', 'items', 'totalCount']);
        emails.push(...body.items.map((user: { email: string }) => user.email));
        expect(JSON.stringify(body)).not.toContain('apiKey');
        if (!body.hasNextPage) break;
        after = `&after=${encodeURIComponent(body.endCursor)}`;
      }
      expect(new Set(emails).size).toBe(emails.length);
      expect(emails).toHaveLength((await call('GET', '/users')).body.totalCount);
      expect(emails.indexOf('page4@example.com')).toBeLessThan(emails.indexOf('page0@example.com'));
      expect(await call('GET', '/users?after=nonsense')).toMatchObject({
        status: 400,
        type: PROBLEM,
        body: { code: 'invalid-cursor' },
      });
      const forged = btoa('["no date","no id"]');
      expect(await call('GET', `/users?after=${forged}`)).toMatchObject({
        status: 422,
        body: { code: 'invalid-value' },
      });
    });

    test('inventory is set and read, orders take from it, cancelling gives back', async () => {
      expect(await call('PUT', '/inventory/A-1', { stock: 3 })).toMatchObject({
        status: 200,
        body: { sku: 'A-1', stock: 3 },
      });
      expect(await call('PUT', '/inventory/A-1', { stock: 5 })).toMatchObject({
        status: 200,
        body: { sku: 'A-1', stock: 5 },
      });
      const { status, body } = await call('POST', '/orders', { sku: 'A-1', qty: 4 });
      expect(status).toBe(201);
      expect(body).toEqual({ id: expect.any(String), item: 'A-1', qty: 4, createdAt: expect.any(String) });
      expect(await call('POST', '/orders', { sku: 'A-1', qty: 2 })).toMatchObject({
        status: 409,
        type: PROBLEM,
        body: { title: 'Too little is left', code: 'out-of-stock' },
      });
      expect((await call('GET', '/inventory/A-1')).body).toEqual({ sku: 'A-1', stock: 1 });
      const cancelled = await Promise.all([call('DELETE', `/orders/${body.id}`), call('DELETE', `/orders/${body.id}`)]);
      expect(cancelled.map(answer => answer.status).sort()).toEqual([204, 404]);
      expect((await call('GET', '/inventory/A-1')).body).toEqual({ sku: 'A-1', stock: 5 });
    });

    test('GET /healthz, and the OpenAPI document lists all of it', async () => {
      expect(await call('GET', '/healthz')).toMatchObject({
        status: 200,
        body: { ok: true, database: true, migrations: true },
      });
      const { status, body } = await call('GET', '/openapi.json');
      expect(status).toBe(200);
      const operations = Object.entries<Record<string, { operationId?: string }>>(body.paths).flatMap(
        ([path, methods]) => Object.keys(methods).map(method => `${method} ${path}`),
      );
      expect(operations).toEqual(
        expect.arrayContaining([
          'get /users/{id}',
          'get /users',
          'post /users',
          'get /inventory/{sku}',
          'put /inventory/{sku}',
          'post /orders',
          'delete /orders/{id}',
          'get /healthz',
        ]),
      );
      const { content } = body.paths['/users'].post.responses[201];
      expect(content['application/json'].schema.properties).toMatchObject({ createdAt: { format: 'date-time' } });
      expect(JSON.stringify(body)).not.toContain('apiKey');
    });
  });
}
