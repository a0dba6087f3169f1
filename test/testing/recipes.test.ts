import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const repository = resolve(import.meta.dirname, '../..');
// below the repository, so that the package finds itself, as it was built
const folder = join(repository, `.tmp/recipes-${process.pid}`);
const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], VITEST_POOL_ID: undefined, NODE_ENV: 'test' } as unknown as NodeJS.ProcessEnv,
  }).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr }: { stdout: string; stderr: string }) => {
      throw new Error(`${stdout}\n${stderr}`);
    },
  );
const vitest = join(repository, 'node_modules/vitest/vitest.mjs');

/** The recipes, as docs/testing.md has them. */
beforeAll(async () => {
  const page = await readFile(join(repository, 'docs/testing.md'), 'utf8');
  for (const [, file, code] of page.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)) {
    const path = join(folder, file!);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, code!);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('vitest', async () => {
  const output = await run(vitest, 'run', '--root', 'vitest', '--config', 'vitest.config.ts');
  expect(output).toMatch(/2 passed/);
});

test('jest, whose functions vitest has as globals', async () => {
  const output = await run(vitest, 'run', '--root', 'jest', '--globals');
  expect(output).toMatch(/2 passed/);
});

test('node:test', async () => {
  const output = await run('--test', '--disable-warning=ExperimentalWarning', 'node-test/users.test.ts');
  expect(output).toMatch(/pass 2/);
});

test('the route that opens a sandbox, in a build for tests only', async () => {
  const url = pathToFileURL(join(folder, 'app/api/sandbox/route.ts')).href;
  const script = `
    import { POST, DELETE } from '${url}';
    import { orm, User } from '${pathToFileURL(join(folder, 'orm.ts')).href}';
    const status = async answer => (await answer).status;
    const out = [await status(POST()), await status(DELETE())];
    process.env.E2E = '1';
    await (await orm()).migrator.up();
    out.push(await status(POST()));
    await (await orm()).em.fork().insert(User, { email: 'ann@example.com' });
    out.push(await status(POST()), await (await orm()).em.fork().count(User));
    await (await orm()).em.fork().insert(User, { email: 'ann@example.com' });
    out.push(await status(DELETE()), await (await orm()).em.fork().count(User));
    await orm.close();
    console.log(out.join());`;
  const output = await run('--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script);
  expect(output.trim()).toBe('404,404,204,204,0,204,0');
});
