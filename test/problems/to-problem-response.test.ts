import { expect, test } from 'vitest';
import { mapOrmError } from '../../src/problems/map-orm-error.js';
import { PROBLEMS, type OrmProblem, type OrmProblemCode } from '../../src/problems/problem-codes.js';
import { toProblemResponse } from '../../src/problems/to-problem-response.js';

const problem = (code: OrmProblemCode, more: Partial<OrmProblem> = {}): OrmProblem => {
  const { status, title, retryable, retryAfter } = PROBLEMS[code];
  return { status, code, type: `urn:mikro-orm-web:problem:${code}`, title, retryable, retryAfter, ...more };
};

test('is problem+json with the members of RFC 9457 and ours', async () => {
  const response = toProblemResponse(
    problem('unique-violation', {
      entity: 'User',
      properties: ['email'],
      errors: [{ path: 'email', message: 'is already taken' }],
    }),
    { instance: '/users' },
  );
  expect(response.status).toBe(409);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('retry-after')).toBe(null);
  expect(await response.json()).toEqual({
    type: 'urn:mikro-orm-web:problem:unique-violation',
    title: 'Already exists',
    status: 409,
    code: 'unique-violation',
    instance: '/users',
    entity: 'User',
    properties: ['email'],
    errors: [{ path: 'email', message: 'is already taken' }],
  });
});

test('every code makes a response; only 409 and 503 forbid caching, only some say when to come back', () => {
  for (const code of Object.keys(PROBLEMS) as OrmProblemCode[]) {
    const { status, retryAfter } = PROBLEMS[code];
    const response = toProblemResponse(problem(code));
    expect(response.status).toBe(status);
    expect(response.headers.get('cache-control')).toBe([409, 503].includes(status) ? 'no-store' : null);
    expect(response.headers.get('retry-after')).toBe(retryAfter === undefined ? null : String(retryAfter));
  }
});

test('what is for the server stays there, also what somebody added', async () => {
  const odd = {
    ...problem('lock-timeout'),
    cause: new Error('secret'),
    errors: [{ path: 'a', message: 'b', sql: 'secret' }],
  };
  const body = await toProblemResponse(odd).text();
  expect(body).not.toMatch(/retry|secret|cause/);
});

test("an application's headers are kept, its content type is not", () => {
  const init = {
    headers: { 'x-request-id': '7', 'cache-control': 'private', 'retry-after': '9', 'content-type': 'text/html' },
  };
  const { headers } = toProblemResponse(problem('database-unavailable'), init);
  expect(Object.fromEntries(headers)).toEqual({
    'x-request-id': '7',
    'cache-control': 'private',
    'retry-after': '9',
    'content-type': 'application/problem+json',
  });
});

test('a part of a second becomes a whole one', () => {
  const { headers } = toProblemResponse(problem('lock-timeout', { retryAfter: 0.2 }));
  expect(headers.get('retry-after')).toBe('1');
});

test('overrides and typeBase reach the response', async () => {
  const error = Object.assign(new Error('x'), { code: 'SQLITE_BUSY' });
  const mapped = mapOrmError(error, {
    typeBase: 'https://a.example/p/',
    overrides: { 'lock-timeout': { status: 429 } },
  });
  const response = toProblemResponse(mapped as OrmProblem);
  expect(response.status).toBe(429);
  expect(await response.json()).toMatchObject({ type: 'https://a.example/p/lock-timeout', status: 429 });
});
