import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeDriver } from '../support/databases.js';
import { createAppDatabase, type AppDatabase } from './support/app-database.js';
import { dump, readSequences } from './support/dump.js';
import { browserIsThere, launchBrowser, walkThroughExample } from './support/journey.js';
import { createExampleCopy, type FixtureApp, type NextServer } from './support/next-app.js';
import { playwrightIsThere, runPlaywrightRecipe } from './support/playwright-recipe.js';

const canRunPlaywright = (await playwrightIsThere()) && browserIsThere();

let app: FixtureApp;
let browser: Browser | undefined;

beforeAll(async () => {
  app = await createExampleCopy('turbopack');
  await app.build({ E2E: '1' });
  browser = browserIsThere() ? await launchBrowser() : undefined;
});
afterAll(async () => {
  await browser?.close();
  await app?.remove();
});

for (const driver of ['sqlite', 'postgresql'] as const) {
  await describeDriver(driver, () => {
    let database: AppDatabase;
    beforeAll(async () => {
      database = await createAppDatabase(driver, 'ours');
    });
    afterAll(() => database?.drop());

    describe('a test build of the example', () => {
      let server: NextServer;
      const ask = (path: string, init?: RequestInit) => fetch(server.address + path, init);
      const sandbox = async (method: 'POST' | 'DELETE') => (await ask('/api/sandbox', { method })).status;
      const table = driver === 'sqlite' ? '`user`' : '"user"';
      /** What another process sees. */
      const committed = () => database.query(`select * from ${table}`);
      const addUser = (email: string) =>
        ask('/api/users', {
          method: 'POST',
          body: JSON.stringify({ fullName: 'Ann', email, password: 'correct horse' }),
        });
      beforeAll(async () => {
        server = await app.start({ ...database.env, E2E: '1' });
        expect((await ask('/api/health')).status).toBe(200);
      });
      afterAll(() => server?.stop());

      test.skipIf(!browserIsThere())('the journey leaves nothing behind, and can be made again', async () => {
        const before = await dump(driver, database);
        for (let i = 0; i < 2; i++) {
          expect(await sandbox('POST')).toBe(204);
          const page = await browser!.newPage({ viewport: { width: 1000, height: 800 } });
          page.setDefaultTimeout(20_000);
          await walkThroughExample(page, server.address);
          await page.close();
          expect(await committed()).toEqual([]);
          expect(await sandbox('DELETE')).toBe(204);
          expect(await dump(driver, database)).toBe(before);
        }
        if (driver === 'postgresql') {
          expect(Object.values(await readSequences(database)).some(Number)).toBe(true);
        }
      });

      test.skipIf(!canRunPlaywright)('the recipe for Playwright', async () => {
        const before = await dump(driver, database);
        expect(await runPlaywrightRecipe(server.address)).toMatch(/2 passed/);
        expect(await dump(driver, database)).toBe(before);
        expect(server.log()).not.toMatch(/SandboxError/);
      });

      test('pages, route handlers and actions share it', async () => {
        const before = await dump(driver, database);
        expect(await sandbox('POST')).toBe(204);
        const created = await addUser('ann@example.com'); // a route handler
        expect(created.status).toBe(201);
        const { id } = (await created.json()) as { id: number };
        expect((await ask(`/api/users/${id}`)).status).toBe(200);
        expect((await server.get('/users')).text).toContain('Ann'); // a page
        const form = { fullName: 'Bob', email: 'ann@example.com', password: 'correct horse' };
        expect((await server.submit('/users/new', form)).text).toContain('is already taken'); // an action
        expect(await committed()).toEqual([]);
        expect(await sandbox('DELETE')).toBe(204);
        expect((await ask(`/api/users/${id}`)).status).toBe(404);
        expect((await server.get('/users')).text).not.toContain('Ann');
        expect(await dump(driver, database)).toBe(before);
      });

      test('one that a test has left open is undone by the next', async () => {
        const before = await dump(driver, database);
        expect(await sandbox('POST')).toBe(204);
        expect((await addUser('ann@example.com')).status).toBe(201);
        expect(await sandbox('POST')).toBe(204);
        expect((await addUser('ann@example.com')).status).toBe(201);
        expect(await sandbox('DELETE')).toBe(204);
        expect(await sandbox('DELETE')).toBe(204);
        expect(await dump(driver, database)).toBe(before);
      });
    });

    test('a test build that was deployed refuses', async () => {
      const server = await app.start(database.env);
      for (const method of ['POST', 'DELETE']) {
        expect((await fetch(`${server.address}/api/sandbox`, { method })).status).toBe(404);
      }
      const body = JSON.stringify({ fullName: 'Ann', email: 'ann@example.com', password: 'correct horse' });
      expect((await fetch(`${server.address}/api/users`, { method: 'POST', body })).status).toBe(201);
      expect(await database.query(`select * from ${driver === 'sqlite' ? '`user`' : '"user"'}`)).toHaveLength(1);
      await server.stop();
    });
  });
}
