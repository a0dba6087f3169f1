import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from './support/bundle.js';
import { startCode, startWorker, type RunningWorker } from './support/miniflare.js';

const bindings = { d1Databases: { DB: 'db' } };

describe('a runtime that cannot work is refused while the worker starts', async () => {
  const code = await bundle(new URL('worker/d1.ts', import.meta.url).pathname);
  // silent: workerd prints what a worker fails with
  const start = (date: string, flags: string[]): Promise<string> =>
    startCode(code, { date, flags, bindings: { ...bindings, handleRuntimeStdio: () => undefined } }).then(
      async worker => (await worker.stop(), 'started'),
      (error: Error) => error.message,
    );

  test.each([
    ['2024-09-23', ['nodejs_compat'], /OrmConfigError: .*no real AsyncLocalStorage.*compatibility_date = "2025-09-15"/],
    ['2025-07-01', ['nodejs_compat'], /OrmConfigError: .*no real AsyncLocalStorage.*compatibility_date = "2025-09-15"/],
    [
      '2026-07-01',
      ['nodejs_compat', 'disallow_eval_during_startup'],
      /OrmConfigError: .*generates code.*compatibility_date = "2025-09-15"/,
    ],
    ['2026-07-01', [], /OrmConfigError: .*compatibility_flags = \["nodejs_compat"\]/],
    ['2025-09-15', ['nodejs_compat'], /^started$/],
  ])('%s, %j', async (date, flags, message) => {
    expect(await start(date, flags)).toMatch(message);
  });
});

describe('in a worker', () => {
  let worker: RunningWorker;
  beforeAll(async () => {
    worker = await startWorker('mistakes', { bindings });
  });
  afterAll(() => worker.stop());

  test.each([
    ['singleton', /createEdgeOrm.*mikro-orm-web\/edge/],
    ['late', /createEdgeOrm at module scope/],
    ['noDriver', /no `driver`.*SqliteDriver/],
    ['noDatabase', /d1\(env\.DB\)/],
    ['outsideOfObject', /outside of a Durable Object.*inDurableObject/],
    ['noSql', /new_sqlite_classes/],
    ['outsideOfRequest', /outside of a request.*inRequest\(ctx/],
    ['noContext', /third argument of fetch/],
    ['afterwards', /after the function of inRequest had ended/],
    ['unbound', /name of the binding/],
    ['moduleScope', /ran at module scope/],
  ])('%s: an error that says what to do', async (mistake, message) => {
    expect(await worker.ask(`/${mistake}`)).toMatchObject({
      body: { code: 'ORM_CONFIG', message: expect.stringMatching(message), problem: 'internal-error' },
    });
  });

  test('a server that does not answer is database-unavailable', async () => {
    expect(await worker.ask('/refused')).toMatchObject({ body: { problem: 'database-unavailable' } });
  });

  test('nothing is created at module scope', async () => {
    expect(await worker.ask('/created')).toMatchObject({ body: { message: 'created 0' } });
  });
});

test("an edge runtime like that of Next.js is told to use createOrmSingleton without runtime = 'edge'", async () => {
  const code = `globalThis.EdgeRuntime = 'edge-runtime';
    const { createEdgeOrm, durableObject } = await import('mikro-orm-web/edge');
    try { createEdgeOrm({}, durableObject()) } catch (error) { console.log(error.code, error.message) }`;
  const args = ['--conditions=edge-light', '--input-type=module', '--eval', code];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toMatch(/^ORM_CONFIG .*remove `export const runtime = 'edge'`.*createOrmSingleton/);
});
