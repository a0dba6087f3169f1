import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PrivatePackage } from '../support/private-package.js';

const repository = resolve(import.meta.dirname, '../..');
// below the repository, so that the package finds itself, as it was built
const folder = join(repository, `.tmp/recipes-${process.pid}`);
const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], VITEST_POOL_ID: undefined, NODE_ENV: 'test' } as unknown as NodeJS.ProcessEnv,
  }).then(
    ({ stdout, stderr }) => stdout + stderr, // Jest reports there
    ({ stdout, stderr }: { stdout: string; stderr: string }) => {
      throw new Error(`${stdout}\n${stderr}`);
    },
  );
/** Each starts a test runner, which takes its time on a busy machine. */
const RUNNER = { timeout: 120_000 };
const vitest = join(repository, 'node_modules/vitest/vitest.mjs');

const runners = new PrivatePackage(join(import.meta.dirname, 'runners'));
if (process.env['REQUIRE_ALL'] === '1') {
  await runners.install();
}
const hasRunners = await runners.isInstalled();
if (!hasRunners) {
  console.warn('SKIPPED: needs Jest: node test/testing/runners/install.ts');
}

/** The recipes, as docs/testing.md has them. */
beforeAll(async () => {
  const page = await readFile(join(repository, 'docs/testing.md'), 'utf8');
  for (const [, file, code] of page.matchAll(/```[jt]s\n\/\/ (\S+)\n([\s\S]*?)```/g)) {
    const path = join(folder, file!);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, code!);
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  if (hasRunners) {
    await symlink(runners.modules, join(folder, 'node_modules'));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('vitest', RUNNER, async () => {
  const output = await run(vitest, 'run', '--root', 'vitest', '--config', 'vitest.config.ts');
  expect(output).toMatch(/2 passed/);
});

test.skipIf(!hasRunners)('jest', RUNNER, async () => {
  const jest = join(runners.modules, 'jest/bin/jest.js');
  const output = await run('--experimental-vm-modules', jest, '--config', 'jest/jest.config.js');
  expect(output).toMatch(/Tests: +2 passed, 2 total/);
});

test('node:test', RUNNER, async () => {
  const output = await run('--test', '--disable-warning=ExperimentalWarning', 'node-test/users.test.ts');
  expect(output).toMatch(/pass 2/);
});

test('the route that opens a sandbox, as the example has it and test/apps runs it', async () => {
  const example = join(repository, 'examples/nextjs');
  const route = 'app/api/sandbox/route.e2e.ts';
  expect(await readFile(join(folder, route), 'utf8')).toBe(await readFile(join(example, route), 'utf8'));
  const { default: config } = (await import(join(folder, 'next.config.ts'))) as { default: object };
  const { default: examples } = (await import(join(example, 'next.config.ts'))) as { default: object };
  expect(examples).toMatchObject(config);
});
