import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeDriver } from '../support/databases.js';
import { createAppDatabase, type AppDatabase } from './support/app-database.js';
import { nextAppIn, type NextServer } from './support/next-app.js';

const example = resolve(import.meta.dirname, '../../examples/nextjs');
const screenshots = resolve(import.meta.dirname, '../.tmp/screenshots');
const CHROMIUM = '/usr/bin/chromium';
const app = nextAppIn(example, 'turbopack');

beforeAll(async () => {
  const before = existsSync(join(example, 'app.db'));
  await app.build({});
  expect(existsSync(join(example, 'app.db')), 'the build opens no database').toBe(before);
});

for (const driver of ['sqlite', 'postgresql'] as const) {
  await describeDriver(driver, () => {
    let database: AppDatabase;
    let server: NextServer;
    beforeAll(async () => {
      database = await createAppDatabase(driver, 'ours');
      server = await app.start(database.env);
    });
    afterAll(async () => {
      await server.stop();
      await database.drop();
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
        const args = [
          '--no-sandbox',
          '--disable-gpu',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ];
        browser = await chromium.launch({ executablePath: CHROMIUM, args });
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

      test('a user is added, a duplicate is refused at its field, pages turn, articles show their tags', async () => {
        await page.goto(`${server.address}/articles`);
        await page.getByRole('button', { name: 'Add sample data' }).click();
        await page.getByRole('link', { name: 'Notes on the Analytical Engine' }).waitFor();
        await shoot('articles');

        await page.getByRole('link', { name: 'history' }).first().click();
        await page.getByRole('heading', { name: 'Articles about history' }).waitFor();
        expect(await page.locator('article').count()).toBe(2);
        expect(await page.title()).toMatch(/^Articles about history/);
        await page.getByRole('link', { name: 'A Relational Model of Data' }).click();
        await page.getByText('Data independence is abstraction, too.').waitFor();
        await shoot('article');

        const pages = [page, await browser.newPage(), await browser.newPage(), await browser.newPage()];
        for (const one of pages) {
          await one.goto(page.url());
          await one.getByLabel('New tag').fill('Relations');
        }
        await Promise.all(pages.map(one => one.getByRole('button', { name: 'Add tag' }).click()));
        for (const one of pages) {
          await one.getByRole('link', { name: 'relations' }).waitFor();
        }
        await Promise.all(pages.slice(1).map(one => one.close()));

        await page.goto(`${server.address}/users/new`);
        await page.getByLabel('Name').fill('Ada Byron');
        await page.getByLabel('Email').fill('ada@example.com');
        await page.getByLabel('Password').fill('a long password');
        await page.getByRole('button', { name: 'Add user' }).click();
        await page.locator('#email-note').filter({ hasText: 'is already taken' }).waitFor();
        expect(await page.getByLabel('Name').inputValue()).toBe('Ada Byron');
        expect(await page.getByLabel('Email').inputValue()).toBe('ada@example.com');
        expect(await page.locator('#fullName-note').count()).toBe(0);
        await shoot('duplicate');

        await page.getByLabel('Email').fill('byron@example.com');
        await page.getByRole('button', { name: 'Add user' }).click();
        await page.waitForURL('**/users');
        const names = () => page.locator('tbody td:first-child').allTextContents();
        const first = await names();
        await shoot('users');
        await page.getByRole('link', { name: 'Next' }).click();
        await page.waitForURL(/after=/);
        await expect.poll(names).not.toEqual(first);
        const second = await names();
        expect(first.concat(second)).toContain('Ada Byron');
        await page.getByRole('link', { name: 'Previous' }).click();
        await page.waitForURL(/before=/);
        await expect.poll(names).toEqual(first);
      });
    });
  });
}

function browserIsThere(): boolean {
  if (existsSync(CHROMIUM)) {
    return true;
  }
  if (process.env['REQUIRE_ALL'] === '1') {
    throw new Error(`REQUIRE_ALL=1, and there is no Chromium at ${CHROMIUM}`);
  }
  console.warn(`SKIPPED: there is no Chromium at ${CHROMIUM}`);
  return false;
}
