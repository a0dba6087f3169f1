import { readdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROBLEMS } from '../../src/problems/problem-codes.js';

const read = (file: string) => readFile(resolve(import.meta.dirname, '../..', file), 'utf8');

describe('docs/errors.md', async () => {
  const page = await read('docs/errors.md');
  const sections = new Map(
    page
      .split(/^## /m)
      .slice(1)
      .map(text => [text.split('\n', 1)[0]!, text]),
  );

  test('has a section for each code, in the order of the table', () => {
    expect([...sections.keys()]).toEqual(Object.keys(PROBLEMS));
  });

  test.each(Object.entries(PROBLEMS))(
    '%s says what the table says',
    (code, { status, title, retryable, retryAfter }) => {
      const after = retryAfter === undefined ? '' : `; Retry-After: ${retryAfter} s`;
      expect(sections.get(code)).toContain(
        `${title}. Status ${status}; retryable: ${retryable ? 'yes' : 'no'}${after}.`,
      );
      for (const part of ['**When:**', '**The client sees:**', '**What to do:**']) {
        expect(sections.get(code)).toContain(part);
      }
    },
  );
});

describe('docs/errors.md has every code of a database', async () => {
  const page = await read('docs/errors.md');
  const files = (await readdir(resolve(import.meta.dirname, '../../src/problems/drivers'))).filter(
    file => !/^(?:driver|index)\.ts$/.test(file),
  );

  test.each(files)('%s', async file => {
    const source = await read(`src/problems/drivers/${file}`);
    const entries = [...source.matchAll(/^ +'?([\w-]*\d[\w-]*)'?: '([a-z-]+)',/gm)];
    expect(entries.length + (file === 'sqlite.ts' ? 1 : 0)).toBeGreaterThan(0);
    const missing = entries.flatMap(([, code = '', verdict = '']) => {
      const name = verdict === 'misconfigured' ? 'database-unavailable' : verdict;
      const section = page.split(/^## /m).find(text => text.startsWith(`${name}\n`)) ?? '';
      return section.includes(code.replace(/^NJS-5\d+$/, 'NJS-5xx')) ? [] : [`${name}: ${code}`];
    });
    expect(missing).toEqual([]);
  });
});

test('the README lists the same codes with the same status', async () => {
  const readme = await read('README.md');
  for (const [code, { status, retryAfter }] of Object.entries(PROBLEMS)) {
    const after = retryAfter === undefined ? '' : `, retry after ${retryAfter} s`;
    expect(readme).toMatch(new RegExp(`\\| \`${code}\` *\\| ${status}${after} *\\|`));
  }
});
