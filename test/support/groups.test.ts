import { expect, test } from 'vitest';
import { isQuick, quickTests } from './groups.ts';

test('what starts processes or servers, or needs dist/, is not quick: also by what it imports', () => {
  const slow = [
    'test/cli/cli.test.ts', // child_process
    'test/edge/workerd.test.ts', // miniflare, by a file of its own
    'test/requests/retry-transaction.test.ts', // processes.ts
    'test/singleton/graphs.test.ts', // copies of dist/, by graphs.ts
    'test/docs/observability.test.ts', // the compiler
  ];
  expect(slow.filter(isQuick)).toEqual([]);
});

test('the parts of the library that need none of that are among them', () => {
  const quick = quickTests();
  for (const folder of ['entities', 'migrations', 'pool', 'problems', 'process', 'requests', 'singleton', 'util']) {
    expect(
      quick.some(file => file.startsWith(`test/${folder}/`)),
      folder,
    ).toBe(true);
  }
  expect(quick.filter(file => /^test\/(?:apps|frameworks|daloyjs|chaos)\//.test(file))).toEqual([]);
});
