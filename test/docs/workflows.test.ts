import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPage, root } from './support/pages.ts';

const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> };
const folder = '.github/workflows';

test.each(readdirSync(join(root, folder)))('%s calls only scripts that exist', file => {
  const text = readPage(join(folder, file));
  const called = [
    ...[...text.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name! in scripts || name),
    ...[...text.matchAll(/\bnpm test\b/g)].map(() => 'test' in scripts || 'test'),
    ...[...text.matchAll(/\bbash (\S+)/g)].map(([, path]) => existsSync(join(root, path!)) || path),
  ];
  expect(called.length).toBeGreaterThan(0);
  expect(called.filter(found => found !== true)).toEqual([]);
});
