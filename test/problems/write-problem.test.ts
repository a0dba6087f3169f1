import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { toProblemResponse, writeProblem, type OrmProblem } from '../../src/index.js';
import { PROBLEMS, type OrmProblemCode } from '../../src/problems/problem-codes.js';

const problem = (code: OrmProblemCode, more: Partial<OrmProblem> = {}): OrmProblem => {
  const { status, title, retryable, retryAfter } = PROBLEMS[code];
  return { status, code, type: `urn:mikro-orm-web:problem:${code}`, title, retryable, retryAfter, ...more };
};

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise(done => server.close(done));
  }
});

async function serve(handle: (res: ServerResponse, req: IncomingMessage) => void): Promise<string> {
  const server = createServer((req, res) => handle(res, req));
  servers.push(server);
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test('every code gets the answer that toProblemResponse makes', async () => {
  let code!: OrmProblemCode;
  const url = await serve(res => writeProblem(res, problem(code), { instance: '/users', headers: { 'x-id': '7' } }));
  for (code of Object.keys(PROBLEMS) as OrmProblemCode[]) {
    const expected = toProblemResponse(problem(code), { instance: '/users', headers: { 'x-id': '7' } });
    const response = await fetch(url);
    expect(response.status).toBe(expected.status);
    for (const [name, value] of expected.headers) {
      expect(response.headers.get(name), `${code}: ${name}`).toBe(value);
    }
    expect(await response.text()).toBe(await expected.text());
  }
});

test('headers of middlewares stay, those of the content that failed go', async () => {
  const url = await serve(res => {
    res.setHeader('access-control-allow-origin', '*');
    res.setHeader('set-cookie', ['a=1', 'b=2']);
    for (const [name, value] of Object.entries({
      'content-length': '5000',
      'content-encoding': 'gzip',
      'content-type': 'text/html',
      'content-disposition': 'attachment',
      etag: '"1"',
      'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT',
      'cache-control': 'public, max-age=3600',
    })) {
      res.setHeader(name, value);
    }
    writeProblem(res, problem('not-found'));
  });
  const { headers, status } = await fetch(url);
  expect(status).toBe(404);
  expect(headers.get('access-control-allow-origin')).toBe('*');
  expect(headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  expect(headers.get('content-type')).toBe('application/problem+json');
  for (const name of ['content-encoding', 'content-disposition', 'etag', 'last-modified', 'cache-control']) {
    expect(headers.get(name), name).toBe(null);
  }
});

test('a no-store that a middleware has set stays, and so does what the caller passes', async () => {
  const url = await serve((res, req) => {
    res.setHeader('cache-control', 'private, no-store');
    const headers = req.url === '/own' ? { 'cache-control': 'max-age=1' } : undefined;
    writeProblem(res, problem('not-found'), { headers });
  });
  expect((await fetch(url)).headers.get('cache-control')).toBe('private, no-store');
  expect((await fetch(`${url}own`)).headers.get('cache-control')).toBe('max-age=1');
});

test('HEAD gets the status and no body', async () => {
  const url = await serve(res => writeProblem(res, problem('unique-violation')));
  const response = await fetch(url, { method: 'HEAD' });
  expect(response.status).toBe(409);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(await response.text()).toBe('');
});

test('a client that has a part already sees that it is not the whole', async () => {
  const url = await serve(res => {
    res.write('{"users":[', () => writeProblem(res, problem('database-unavailable')));
  });
  const response = await fetch(url);
  expect(response.status).toBe(200);
  await expect(response.text()).rejects.toThrow();
});

test('an answer that was complete stays', async () => {
  const url = await serve(res => {
    res.end('all');
    writeProblem(res, problem('database-unavailable'));
  });
  const response = await fetch(url);
  expect(await response.text()).toBe('all');
});

test('a status that no response can have is refused, as by toProblemResponse', async () => {
  let thrown: unknown;
  const url = await serve(res => {
    try {
      writeProblem(res, problem('not-found', { status: 99 }));
    } catch (error) {
      thrown = error;
      res.end();
    }
  });
  await fetch(url);
  expect(thrown).toBeInstanceOf(RangeError);
});

test('HTTP/2', async () => {
  const server = createHttp2Server((_, res) => writeProblem(res, problem('unique-violation')));
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const request = client.request({ ':path': '/' });
  const headers = await new Promise<Record<string, unknown>>(done => request.on('response', done));
  expect(headers).toMatchObject({ ':status': 409, 'content-type': 'application/problem+json' });
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  expect(JSON.parse(body)).toMatchObject({ code: 'unique-violation' });
  await new Promise<void>(done => client.close(done));
  await new Promise(done => server.close(done));
});
