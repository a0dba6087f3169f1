import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeDriver } from '../support/databases.js';
import { createAppDatabase, type AppDatabase } from './support/app-database.js';
import { browserIsThere, launchBrowser, walkThroughExample } from './support/journey.js';
import { filesWith, nextAppIn, type NextServer } from './support/next-app.js';

const example = resolve(import.meta.dirname, '../../examples/nextjs');
const screenshots = resolve(import.meta.dirname, '../.tmp/screenshots');
const app = nextAppIn(example, 'turbopack');

beforeAll(async () => {
  const before = existsSync(join(example, 'app.db'));
  await app.build({});
  expect(existsSync(join(example, 'app.db')), 'the build opens no database').toBe(before);
});

test('the build has no trace of the route for tests', async () => {
  const found = await filesWith(join(example, '.next'), /api\/sandbox|openSandbox|mikro-orm-web\/testing/);
  expect(found).toEqual([]);
});

for (const driver of ['sqlite', 'postgresql'] as const) {
  await describeDriver(driver, () => {
    let database: AppDatabase;
    let server: NextServer;
    beforeAll(async () => {
      database = await createAppDatabase(driver, 'ours');
      server = await app.start({ ...database.env, E2E: '1' }); // a variable switches nothing on
    });
    afterAll(async () => {
      await server.stop();
      await database.drop();
    });
    test.each(['POST', 'DELETE', 'GET'])('%s of the route for tests is answered with 404', async method => {
      const { status } = await fetch(`${server.address}/api/sandbox`, { method });
      expect(status).toBe(404);
    });

    const json = async (path: string, body?: unknown) => {
      const init =
        body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) };
      const response = await fetch(server.address + path, init);
      const text = await response.text();
      return { status: response.status, type: response.headers.get('content-type'), text, body: JSON.parse(text) };
    };

    test('the API answers with the right status, names the field, and hides what is hidden', async () => {
      expect(await json('/api/health')).toMatchObject({
        status: 200,
        body: { ok: true, database: true, migrations: true },
      });
      const ann = { fullName: 'Ann', email: 'ann@example.com', password: 'correct horse' };
      const created = await json('/api/users', ann);
      expect(created).toMatchObject({ status: 201, body: { fullName: 'Ann' } });
      expect(await json('/api/users', ann)).toMatchObject({
        status: 409,
        type: 'application/problem+json',
        body: { code: 'unique-violation', errors: [{ path: 'email', message: 'is already taken' }] },
      });
      expect(await json('/api/users', { ...ann, email: 'nobody' })).toMatchObject({
        status: 422,
        body: { errors: [{ path: 'email' }] },
      });
      expect(await json('/api/users', '{')).toMatchObject({ status: 400, type: 'application/problem+json' });
      expect(await json('/api/users/999999')).toMatchObject({ status: 404, body: { code: 'not-found' } });
      expect(await json('/api/users?after=nonsense')).toMatchObject({ status: 400, body: { code: 'invalid-cursor' } });
      expect(await json('/api/articles?tag=%00')).toMatchObject({ status: 422, body: { errors: [{ path: 'tag' }] } });
      expect((await fetch(`${server.address}/articles?tag=%00`)).status).toBe(200);
      expect(await json(`/api/users/${created.body.id}`)).toMatchObject({ status: 200, body: { fullName: 'Ann' } });
      for (const path of ['/api/users', `/api/users/${created.body.id}`, '/api/articles?tag=history']) {
        expect((await json(path)).text).not.toMatch(/password|scrypt/);
      }
      const stored = await database.query<{ password: string }>(
        `select password from ${driver === 'sqlite' ? '`user`' : '"user"'}`,
      );
      expect(stored[0]!.password).not.toContain('correct horse');
    });

    describe.skipIf(!browserIsThere())('in Chromium', () => {
      let browser: Browser;
      let page: Page;
      beforeAll(async () => {
        browser = await launchBrowser();
        page = await browser.newPage({
          viewport: { width: 1000, height: 800 },
          colorScheme: driver === 'sqlite' ? 'light' : 'dark',
        });
        page.setDefaultTimeout(20_000);
        await mkdir(screenshots, { recursive: true });
      });
      afterAll(() => browser.close());
      const shoot = (name: string) =>
        page.screenshot({ path: join(screenshots, `${driver}-${name}.png`), fullPage: true });

      test('a user is added, a duplicate is refused at its field, pages turn, articles show their tags', () =>
        walkThroughExample(page, server.address, shoot));
    });
  });
}
