import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from './support/pages.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-api-'));
  // rejects for an export without a comment, and for a link that leads nowhere
  await promisify(execFile)(join(root, 'node_modules/.bin/typedoc'), ['--out', folder], { cwd: root });
}, 240_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const read = async (place: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    await Promise.all(
      (await readdir(place)).toSorted().map(async file => [file, await readFile(join(place, file), 'utf8')] as const),
    ),
  );

test('docs/api is what `npm run docs` makes of the sources', async () => {
  expect(await read(join(root, 'docs/api'))).toEqual(await read(folder));
});

test('every export has an entry', async () => {
  const pages = await read(folder);
  for (const [entry, page] of [
    ['index.ts', 'index.md'],
    ['testing/index.ts', 'testing.md'],
    ['edge/index.ts', 'edge.md'],
  ] as const) {
    const source = await readFile(join(root, 'src', entry), 'utf8');
    const names = [...source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(
      ([, list]) => list!.match(/\w+/g) ?? [],
    );
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter(name => !new RegExp(`^#+ (?:\`abstract\` )?${name}\\b`, 'm').test(pages[page]!))).toEqual([]);
  }
});
