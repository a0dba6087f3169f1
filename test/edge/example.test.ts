import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

let child: ChildProcess;
let url: string;

beforeAll(async () => {
  child = spawn(process.execPath, ['start.ts'], {
    cwd: resolve(import.meta.dirname, '../../examples/cloudflare'),
    env: { ...process.env, PORT: '0', DATA: 'memory:', DATABASE_URL: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  url = await new Promise((ready, failed) => {
    child.stdout!.on('data', (text: Buffer) => {
      out += String(text);
      const [, found] = /Ready on (\S+)/.exec(out) ?? [];
      if (found) {
        ready(found);
      }
    });
    child.once('exit', code => failed(new Error(`npm start ended with ${code}: ${out}`)));
  });
});
afterAll(async () => {
  if (child.exitCode === null) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});

const send = (path: string, body?: string | URLSearchParams): Promise<Response> =>
  fetch(url + path, { redirect: 'manual', ...(body !== undefined && { method: 'POST', body }) });

test('the example: articles and tags on D1, pages and problems, a Durable Object', async () => {
  expect((await send('/samples', '')).status).toBe(303);
  const { items } = (await (await send('/api/articles?tag=orm')).json()) as { items: { title: string }[] };
  expect(items.map(({ title }) => title).sort()).toEqual(['Batches', 'Units of work']);
  expect(items[0]).toMatchObject({ author: { fullName: expect.any(String) }, tags: expect.any(Array) });
  expect(JSON.stringify(items)).not.toContain('@example.com');

  const article = { title: 'Batches', text: 't', email: 'new@example.com', fullName: 'New', tags: ['fresh'] };
  const taken = await send('/api/articles', JSON.stringify(article));
  expect(taken.status).toBe(409);
  expect(taken.headers.get('content-type')).toBe('application/problem+json');
  expect(await taken.json()).toMatchObject({ code: 'unique-violation', entity: 'Article', properties: ['slug'] });
  const { items: tags } = (await (await send('/api/tags')).json()) as { items: { name: string }[] };
  expect(
    tags.map(({ name }) => name),
    'what failed left nothing',
  ).toEqual(['d1', 'orm', 'patterns', 'workers']);

  expect((await send('/api/articles', JSON.stringify({ ...article, title: 'Another' }))).status).toBe(201);
  expect(await (await send('/articles/another')).text()).toContain('href="/?tag=fresh"');
  expect(await (await send('/?tag=fresh')).text()).toContain('Another');
  expect((await send('/api/articles', '{}')).status).toBe(422);
  expect((await send('/articles/none')).status).toBe(404);

  expect((await send('/guestbook', new URLSearchParams({ text: '<hello>' }))).status).toBe(303);
  expect(await (await send('/guestbook')).text()).toContain('<li>&#60;hello&#62;</li>');
  expect((await send('/api/visits')).status, 'without PostgreSQL').toBe(503);
});
