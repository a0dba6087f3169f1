import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { baseDir, request } from './support/shop.ts';

const register = pathToFileURL(resolve(import.meta.dirname, 'support/register.ts')).href;
const dump = resolve(import.meta.dirname, '../../examples/daloyjs/src/dump-openapi.ts');

let folder: string;
let data: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-shop-'));
  data = join(folder, 'data');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('buildApp() opens nothing, nor do health and the OpenAPI document; what uses the database does', async () => {
  vi.resetModules();
  vi.stubEnv('DATABASE_URL', undefined);
  vi.stubEnv('DATABASE_DIR', data);
  vi.stubEnv('LOG_LEVEL', 'fatal');
  const { buildApp } = await import('../../examples/daloyjs/src/build-app.ts');
  const { orm } = await import('../../examples/daloyjs/src/orm.ts');
  orm.configure({ logger: () => undefined, baseDir });
  const app = buildApp();
  await app.ready();
  expect(await request(app, 'GET', '/openapi.json')).toMatchObject({ status: 200 });
  expect(await request(app, 'GET', '/nowhere')).toMatchObject({ status: 404 });
  expect(await request(app, 'GET', '/healthz')).toMatchObject({ status: 503, body: { ok: false } });
  expect(orm.current).toBeUndefined();
  expect(existsSync(data)).toBe(false);

  expect(await request(app, 'GET', '/users')).toMatchObject({ status: 200, body: { items: [] } });
  expect(existsSync(data)).toBe(true);
  expect(await request(app, 'GET', '/healthz')).toMatchObject({ status: 200, body: { ok: true } });
  await orm.close();
});

test('gen:openapi writes the document without a database', async () => {
  const env = { ...process.env, DATABASE_URL: '', DATABASE_DIR: data, LOG_LEVEL: 'fatal' };
  await promisify(execFile)(process.execPath, ['--import', register, dump], { cwd: folder, env });
  const { paths } = JSON.parse(await readFile(join(folder, 'generated/openapi.json'), 'utf8'));
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/users', '/users/{id}', '/orders', '/healthz']));
  expect(existsSync(data)).toBe(false);
});
