import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAppDatabase, type AppDatabase } from './support/app-database.js';
import { createExampleCopy, type FixtureApp, type NextServer } from './support/next-app.js';

// the example as it is, and with Next.js's `cacheComponents`
describe.each(['', '1'])('CACHE_COMPONENTS=%s', mode => {
  const env = { CACHE_COMPONENTS: mode };
  const isOn = mode === '1';
  let app: FixtureApp;
  let database: AppDatabase;
  let server: NextServer;

  beforeAll(async () => {
    app = await createExampleCopy('turbopack');
    const output = await app.build(env);
    expect(output.includes('Cache Components enabled')).toBe(isOn);
    expect(existsSync(join(app.folder, 'app.db')), 'the build opens no database').toBe(false);
  });
  afterAll(() => app?.remove());

  beforeEach(async () => {
    database = await createAppDatabase('sqlite', 'ours');
    server = await app.start({ ...env, ...database.env });
  });
  afterEach(async () => {
    await server.stop();
    await database.drop();
  });

  /** Opens a gate of the app, or waits until something gets there. */
  async function gate(query: string): Promise<void> {
    expect(await server.get(`/gate?${query}`), query).toMatchObject({ status: 204 });
  }

  /** Whether nothing counts as running: what still does would keep the ORM from closing for 20 seconds. */
  async function isIdle(): Promise<boolean> {
    const { ms } = (await (await fetch(`${server.address}/drain`, { method: 'POST' })).json()) as { ms: number };
    return ms < 10_000;
  }

  test('pages and GET handlers read from the database when they are asked, not from the build', async () => {
    expect(await server.get('/api/health')).toMatchObject({ status: 200, text: expect.stringContaining('"ok":true') });
    expect(await server.get('/api/newest')).toEqual({ status: 200, text: '0' });
    expect((await server.get('/api/users')).text).toContain('"items":[]');
    const ann = { fullName: 'Ann Example', email: 'ann@example.com', password: 'correct horse' };
    const created = await fetch(`${server.address}/api/users`, { method: 'POST', body: JSON.stringify(ann) });
    expect(created.status).toBe(201);
    for (const path of ['/', '/articles', '/users', '/users/new']) {
      const { status, text } = await server.get(path);
      expect({ path, status }).toEqual({ path, status: 200 });
      expect(counts(text), path).toEqual(['0', '1']);
    }
    expect((await server.get('/users')).text).toContain('Ann Example');
    expect((await server.get('/articles/none')).text).toContain('There is nothing at this address');
  });

  // with `cacheComponents`, the shell of the page is under way with 200 before the database answers
  test.skipIf(isOn)('what is not there is 404, a mangled link leads back', async () => {
    expect((await server.get('/articles/none')).status).toBe(404);
    const { status, headers } = await fetch(`${server.address}/users?after=nonsense`, { redirect: 'manual' });
    expect({ status, location: headers.get('location') }).toEqual({ status: 307, location: '/users' });
  });

  describe('a render counts as running until it was sent, and no longer', () => {
    test('it is waited for', async () => {
      const page = server.get('/renders/streams');
      await gate('reached=child');
      let isDrained = false;
      const draining = isIdle().then(() => (isDrained = true));
      // refuses new work as soon as it drains
      await expect.poll(async () => (await server.get('/api/health')).status).toBe(503);
      expect(isDrained).toBe(false);
      await gate('open=child');
      expect((await page).text).toContain('<p>0<!-- --> users</p>');
      await draining;
    });

    test.each(['ends', 'not-found', 'redirect', 'throws', 'throws-late'])('%s', async way => {
      const { text } = await server.get(`/renders/${way}`);
      expect(text).not.toBe('');
      expect(await isIdle()).toBe(true);
    });

    /** Asks for a page, and leaves as soon as `condition` holds. */
    async function leave(path: string, condition: (response: Promise<Response>) => Promise<unknown>): Promise<void> {
      const leaving = new AbortController();
      const response = fetch(server.address + path, { signal: leaving.signal });
      response.catch(() => undefined);
      await condition(response);
      leaving.abort();
    }

    test('the client leaves while the page streams', async () => {
      await leave('/renders/streams', async response => {
        await (await response).body!.getReader().read();
        await gate('reached=child');
      });
      expect(await isIdle()).toBe(true);
    });

    test('the client leaves before the page has begun', async () => {
      await leave('/renders/blocks', () => gate('reached=page'));
      expect(await isIdle()).toBe(true);
    });

    test('the client leaves before the render has begun, while the page loads', async () => {
      await gate('open=none'); // loads the gates
      await leave('/loads', () => gate('reached=module'));
      await gate('reached=closed /loads');
      await gate('open=module');
      await gate('reached=rendered');
      expect(await isIdle()).toBe(true);
    });

    test('clients leave at any moment', async () => {
      await server.get('/renders/ends');
      await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          leave('/renders/ends', () => new Promise(resolve => setTimeout(resolve, (i * 7) % 1000))),
        ),
      );
      expect(await isIdle()).toBe(true);
    });
  });
});

/** What the header counts, whether it came with the page or was streamed into it. */
function counts(html: string): string[] {
  const direct = [...html.matchAll(/class="count">(?:<!--[^>]*-->)*(\d+)/g)].map(([, count]) => count!);
  const streamed = [...html.matchAll(/<div hidden id="S:\d+">(?:<!--[^>]*-->)*(\d+)/g)].map(([, count]) => count!);
  return direct.concat(streamed).slice(0, 2);
}
