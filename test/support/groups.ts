import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** Folders of projects with a set-up of their own. */
export const APPS = ['test/apps/**', 'test/daloyjs/**', 'test/frameworks/**'];

/** Folders whose tests fill, copy or repair databases of their own, each of them several: minutes. */
const MANY_DATABASES = [
  'test/cli/**',
  'test/doctor/**',
  'test/testing/**',
  'test/differential/**',
  'test/chaos/**',
  'test/properties/**',
];

/** What takes long, or needs more than a checkout: processes, servers, compilers, and the library as it was built. */
const STARTS = /'(?:node:(?:child_process|worker_threads|cluster)|esbuild|miniflare|playwright-core|typescript)'/;
const BUILT = new RegExp(String.raw`['/]dist['/]`);

/** A file, and all that it imports from `test/`. */
function reach(file: string, seen = new Set<string>()): Set<string> {
  if (!seen.has(file)) {
    seen.add(file);
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport\(?) *'(\.[^']+)'/g)) {
      const target = resolve(dirname(file), path!.replace(/\.js$/, '.ts'));
      if (target.startsWith(resolve(root, 'test')) && existsSync(target)) {
        reach(target, seen);
      }
    }
  }
  return seen;
}

/** Whether a test file starts nothing and needs no build, as told by what it imports: there is no list to keep. */
export function isQuick(file: string): boolean {
  const texts = [...reach(resolve(root, file))].map(path => readFileSync(path, 'utf8'));
  return !texts.some(text => STARTS.test(text) || BUILT.test(text));
}

/** What `npm run test:quick` runs, on embedded databases: a new file is among them unless it is one of the above. */
export const quickTests = (): string[] =>
  globSync('test/**/*.test.ts', {
    cwd: root,
    exclude: [...APPS, ...MANY_DATABASES, '**/node_modules/**', '**/.tmp/**'],
  })
    .filter(isQuick)
    .toSorted();
