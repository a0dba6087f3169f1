import { expect, test } from 'vitest';
import { PROBLEMS } from '../../src/problems/problem-codes.js';

/** The documented table: code, status, retryable, Retry-After. */
const DOCUMENTED = `
| \`not-found\` | 404 | no | – |
| \`unique-violation\` | 409 | no | – |
| \`exclusion-violation\` | 409 | no | – |
| \`resource-in-use\` | 409 | no | – |
| \`reference-violation\` | 409 | no | – |
| \`version-conflict\` | 409 | no | – |
| \`reference-not-found\` | 422 | no | – |
| \`required\` | 422 | no | – |
| \`check-violation\` | 422 | no | – |
| \`invalid-value\` | 422 | no | – |
| \`invalid-cursor\` | 400 | no | – |
| \`forbidden\` | 403 | no | – |
| \`transaction-conflict\` | 503 | yes | 1 |
| \`lock-timeout\` | 503 | yes | 1 |
| \`database-overloaded\` | 503 | yes | 1 |
| \`database-unavailable\` | 503 | no | 5 |
| \`database-read-only\` | 503 | no | 30 |
| \`query-timeout\` | 504 | no | – |
| \`storage-full\` | 507 | no | – |
| \`request-cancelled\` | 499 | no | – |
| \`internal-error\` | 500 | no | – |
`;

test('the table in code is the documented one, line by line', () => {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, retryable, retryAfter }]) =>
      `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${retryAfter ?? '–'} |`,
  );
  expect(rows).toEqual(DOCUMENTED.trim().split('\n'));
});

test('titles are for people, and each code has its own', () => {
  const titles = Object.values(PROBLEMS).map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
  expect(titles.filter(title => !/^[A-Z][a-z -]+$/.test(title))).toEqual([]);
});
