import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from './support/pages.ts';

const run = promisify(execFile);
const env = { ...process.env, GITHUB_SERVER_URL: 'https://example.org', GITHUB_REPOSITORY: 'some/where' };

interface Manifest {
  readonly [key: string]: unknown;
  readonly bin: Record<string, string>;
  readonly exports: Record<string, string | Record<string, string>>;
}

let folder: string;
/** The package, as it lies in the node_modules of an app. */
let installed: string;
let files: string[];
let manifest: Manifest;

// a copy of the checkout: `npm publish` writes another package.json for a while, and other tests read this one
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
  const checkout = join(folder, 'checkout');
  await cp(root, checkout, {
    recursive: true,
    filter: source =>
      !/\/(?:node_modules|\.git|\.next\w*|\.tmp)$/.test(source) &&
      !['src', 'test', 'bench'].includes(relative(root, source)),
  });
  const original = await readFile(join(checkout, 'package.json'), 'utf8');
  await run('npm', ['run', 'prepublishOnly'], { cwd: checkout, env });
  const { stdout } = await run('npm', ['pack', '--json'], { cwd: checkout });
  await run(process.execPath, ['.ci/published-manifest.ts', '--restore'], { cwd: checkout });
  expect(await readFile(join(checkout, 'package.json'), 'utf8')).toBe(original);
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await run('tar', ['-xzf', join(checkout, filename), '-C', folder]);
  installed = join(folder, 'package');
  files = (await readdir(installed, { recursive: true })).sort();
  manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Manifest;
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the published package.json has what users need, and nothing of the repository’s own', () => {
  const expected =
    'bin bugs description engines exports files homepage keywords license name peerDependencies peerDependenciesMeta repository sideEffects type types version';
  expect(Object.keys(manifest).toSorted().join(' ')).toBe(expected);
  expect(manifest).toMatchObject({
    homepage: 'https://example.org/some/where#readme',
    bugs: 'https://example.org/some/where/issues',
    repository: { type: 'git', url: 'git+https://example.org/some/where.git' },
    sideEffects: false,
    engines: { node: '>=22.17.0' },
  });
});

test('what package.json names is there', () => {
  const named = [
    ...Object.values(manifest.bin),
    ...Object.values(manifest.exports).flatMap(entry => (typeof entry === 'string' ? entry : Object.values(entry))),
  ].map(path => path.replace(/^\.\//, ''));
  expect(named.length).toBeGreaterThan(8);
  expect(named.filter(path => !files.includes(path))).toEqual([]);
});

test('every page that README.md and the docs link to is there, and no test or source', async () => {
  const pages = files.filter(file => /^(?:README\.md|docs\/.*\.md)$/.test(file));
  const links = await Promise.all(
    pages.map(async page =>
      [...(await readFile(join(installed, page), 'utf8')).matchAll(/\]\((?![a-z]+:|#)([^)\s#]+)[^)]*\)/g)].map(
        ([, link]) => [page, resolve(installed, dirname(page), link!)] as const,
      ),
    ),
  );
  expect(links.flat().length).toBeGreaterThan(30);
  const isThere = (path: string): boolean => files.some(file => join(installed, file) === path.replace(/\/$/, ''));
  expect(links.flat().filter(([, path]) => !isThere(path))).toEqual([]);
  expect(files.filter(file => /^(?:src|test|bench|\.|examples\/\w+\/(?:node_modules|\.next))/.test(file))).toEqual([]);
});

test('the command line runs from what was published', async () => {
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const { stdout } = await run(process.execPath, [join(installed, manifest.bin['mikro-orm-web']!), '--help'], {
    cwd: folder,
  });
  expect(stdout).toContain('migrate');
});
