import { expect, vi } from 'vitest';
import { createProxy } from '../../support/proxy.js';
import type { AppCopy } from './app.js';
import type { AppDatabase } from './database.js';
import type { Answer, AppServer } from './server.js';

const HTML = 'text/html,application/xhtml+xml,*/*;q=0.8';
/** What tells of the server, the database or the code. */
const SECRET = /ECONN|refused|closed|terminat|postgres|127\.0\.0\.1|node_modules|select/i;

/** Data requests get problem details, and pages stay pages. */
async function expectUnavailable(server: AppServer, hasErrorPages: boolean, when: string): Promise<void> {
  // some say the address that was asked for
  const wordsOf = ({ text }: Answer): string => text.replaceAll(`127.0.0.1:${server.port}`, '');
  const data = await server.get('/api/count');
  expect(`${data.status} ${data.type}`, `${when}: ${data.text}`).toBe('503 application/problem+json');
  expect(data.retryAfter, when).toBe('5');
  expect(JSON.parse(data.text), when).toMatchObject({ status: 503, code: 'database-unavailable' });
  expect(wordsOf(data), when).not.toMatch(SECRET);
  if (hasErrorPages) {
    const page = await server.get('/page/count', { accept: HTML });
    expect(`${page.status} ${page.type}`, `${when}: ${page.text}`).toBe('503 text/html');
    expect(wordsOf(page), when).not.toMatch(SECRET);
  }
}

/** Takes the database away before it opens, while it is open, and closes the ORM; returns a few words for the table. */
export async function loseDatabase(copy: AppCopy, minify: boolean, database: AppDatabase): Promise<string> {
  const { errorPages, opensLate = false } = copy.app;
  const proxy = await createProxy(5432);
  const env = { DATABASE_URL: database.env['DATABASE_URL']!.replace(':5432', `:${proxy.port}`) };
  const back = (server: AppServer) =>
    vi.waitFor(async () => expect((await server.get('/api/count')).status).toBe(200), { timeout: 30_000 });
  if (opensLate) await proxy.cut();
  const server = await (await copy.start(minify, env)).listening();
  try {
    if (opensLate) {
      await expectUnavailable(server, errorPages, 'before it opened');
      await proxy.restore();
    }
    await back(server);
    await proxy.cut();
    await expectUnavailable(server, errorPages, 'out of reach');
    await proxy.restore();
    await back(server);
    expect((await server.get('/api/close')).status).toBe(200);
    await expectUnavailable(server, errorPages, 'closed');
    return `503 ${errorPages ? 'and pages ' : ''}${opensLate ? 'before it opened, ' : ''}out of reach, closed`;
  } catch (error) {
    console.log(server.running.output().slice(-3000));
    throw error;
  } finally {
    await server.stop();
    await proxy.cut().catch(() => undefined); // it is cut where the test failed
  }
}
