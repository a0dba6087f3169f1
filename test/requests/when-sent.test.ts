import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { whenSent } from '../../src/index.js';
import { collectGarbage } from '../support/garbage.js';

/** A body whose chunks come when the test says so. */
function controlled() {
  let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  const cancel = vi.fn();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: it => void (controller = it), cancel });
  const send = (text: string) => controller.enqueue(new TextEncoder().encode(text));
  return { body, cancel, send, close: () => controller.close(), fail: (e: unknown) => controller.error(e) };
}

const servers: Server[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise(done => server.close(done));
  }
});

/** A server that sends responses as the adapters of frameworks do: not their bodies for HEAD. */
async function serve(answer: () => Response): Promise<string> {
  const server = createServer(async (req, res) => {
    const { status, headers, body } = answer();
    res.writeHead(status, Object.fromEntries(headers));
    if (req.method === 'HEAD' || !body) res.end();
    else await pipeline(Readable.fromWeb(body as never), res).catch(() => undefined);
  });
  servers.push(server);
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test('ends after the last byte, and not before', async () => {
  const end = vi.fn();
  const { body, send, close } = controlled();
  const reader = whenSent(new Response(body), end).body!.getReader();
  send('a');
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('a');
  expect(end).not.toHaveBeenCalled();
  send('b');
  await reader.read();
  expect(end).not.toHaveBeenCalled();
  close();
  expect(await reader.read()).toEqual({ done: true, value: undefined });
  expect(end).toHaveBeenCalledTimes(1);
});

test('keeps status, headers, cookies, url and body', async () => {
  const headers = new Headers({ 'content-type': 'text/plain; charset=x', etag: '"1"' });
  headers.append('set-cookie', 'a=1');
  headers.append('set-cookie', 'b=2');
  const sent = whenSent(new Response('text', { status: 418, statusText: 'Teapot', headers }), () => undefined);
  expect(sent).toBeInstanceOf(Response);
  expect(sent).toMatchObject({ status: 418, statusText: 'Teapot', ok: false });
  expect([...sent.headers]).toEqual([...headers]);
  expect(sent.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  expect(await sent.text()).toBe('text');

  const url = await serve(() => new Response('over there'));
  const fetched = await fetch(url);
  const proxied = whenSent(fetched, () => undefined);
  expect(proxied).toMatchObject({ url, redirected: false, type: fetched.type });
  proxied.headers.set('x-added', '1');
  expect(await proxied.text()).toBe('over there');
});

test.each([
  ['no body', new Response(null, { status: 204 })],
  ['a redirect', Response.redirect('http://a.example/')],
  ['an error, which no constructor makes', Response.error()],
])('%s: has ended at once, and is the same response', (_, response) => {
  const end = vi.fn();
  expect(whenSent(response, end)).toBe(response);
  expect(end).toHaveBeenCalledTimes(1);
});

test('a body that somebody reads already has ended', async () => {
  const end = vi.fn();
  const used = new Response('x');
  await used.text();
  expect(whenSent(used, end)).toBe(used);
  const locked = new Response('x');
  locked.body!.getReader();
  expect(whenSent(locked, end)).toBe(locked);
  expect(end).toHaveBeenCalledTimes(2);
});

test('a reader that cancels ends it, once, and the source is told why', async () => {
  const end = vi.fn();
  const { body, cancel, send } = controlled();
  const reader = whenSent(new Response(body), end).body!.getReader();
  send('a');
  await reader.read();
  await reader.cancel('gone');
  await reader.cancel('again');
  expect(end).toHaveBeenCalledTimes(1);
  expect(cancel).toHaveBeenCalledWith('gone');
});

test('cancelled before the first read', async () => {
  const end = vi.fn();
  const { body, cancel } = controlled();
  await whenSent(new Response(body), end).body!.cancel('never mind');
  expect(end).toHaveBeenCalledTimes(1);
  expect(cancel).toHaveBeenCalledWith('never mind');
});

test('a body that fails ends it, and the reader learns of it', async () => {
  const end = vi.fn();
  const { body, fail } = controlled();
  const text = whenSent(new Response(body), end).text();
  fail(new Error('lost'));
  await expect(text).rejects.toThrow('lost');
  expect(end).toHaveBeenCalledTimes(1);
});

test('reads nothing before somebody reads it', async () => {
  const pull = vi.fn((controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => controller.close());
  const sent = whenSent(new Response(new ReadableStream({ pull }, { highWaterMark: 0 })), () => undefined);
  await new Promise(setImmediate);
  expect(pull).not.toHaveBeenCalled();
  expect(await sent.text()).toBe('');
  expect(pull).toHaveBeenCalledTimes(1);
});

test('a client that leaves in the middle ends it', async () => {
  const end = vi.fn();
  const { body, send } = controlled();
  const url = await serve(() => whenSent(new Response(body), end));
  send('first');
  const request = httpRequest(url);
  await new Promise<void>(done => request.on('response', response => response.once('data', () => done())).end());
  expect(end).not.toHaveBeenCalled();
  request.destroy();
  await vi.waitFor(() => expect(end).toHaveBeenCalledTimes(1), 10_000);
});

test('an answer to HEAD, whose body nobody reads, ends when it is collected, and gives back what its source uses', async () => {
  const end = vi.fn();
  const { body, cancel } = controlled();
  const streams = [body];
  const url = await serve(() => whenSent(new Response(streams.pop()), end));
  const response = await fetch(url, { method: 'HEAD' });
  expect(response.status).toBe(200);
  await vi.waitFor(async () => {
    await collectGarbage();
    expect(end).toHaveBeenCalledTimes(1);
  }, 20_000);
  expect(cancel).toHaveBeenCalledTimes(1);
});

test('an unread body that is held ends after a time, and can still be read', async () => {
  vi.useFakeTimers();
  const end = vi.fn();
  const held = whenSent(new Response('kept'), end);
  vi.advanceTimersByTime(1_999);
  expect(end).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(end).toHaveBeenCalledTimes(1);
  vi.useRealTimers();
  expect(await held.text()).toBe('kept');
  expect(end).toHaveBeenCalledTimes(1);
});

test('a body that is read slowly has no such limit', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const end = vi.fn();
  const { body, send, close } = controlled();
  const reader = whenSent(new Response(body), end).body!.getReader();
  const first = reader.read();
  await new Promise(setImmediate); // a new stream starts in a task of its own
  vi.advanceTimersByTime(60_000);
  expect(end).not.toHaveBeenCalled();
  send('a');
  await first;
  close();
  await reader.read();
  expect(end).toHaveBeenCalledTimes(1);
});
