import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeBlocksOf } from './support/code-blocks.ts';
import { readPage, root } from './support/pages.ts';

// below the repository, which has what the README installs: an app in an empty folder
const folder = join(root, `test/.tmp/quick-start-${process.pid}`);
const run = (command: string): Promise<{ stdout: string }> =>
  promisify(execFile)('sh', ['-ec', command], {
    cwd: folder,
    env: { HOME: process.env['HOME'], PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` },
  });

beforeAll(() => mkdir(folder, { recursive: true }));
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the quick start works word for word', { timeout: 300_000 }, async () => {
  const files = codeBlocksOf('README.md').slice(0, 4);
  expect(files.map(({ file }) => file)).toEqual(['entities.ts', 'mikro-orm.config.ts', 'orm.ts', 'users.ts']);
  // what `npm install` would write; MikroORM's command line looks for itself there
  const installed = readPage('README.md').matchAll(/^npm install (.*)$/gm);
  const dependencies = [...installed].flatMap(([, names]) => names!.split(' ').filter(name => !name.startsWith('-')));
  const manifest = {
    dependencies: Object.fromEntries(dependencies.map(name => [name.replace(/(?<=.)@.*$/, ''), '*'])),
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  for (const { file, text } of files) {
    await writeFile(join(folder, file), text);
  }
  const [, quickStart] = readPage('README.md').split(/^## Quick start$/m);
  const [, commands] = /^```sh\n(.*?)^```$/ms.exec(quickStart!)!;
  await run(commands!.replace(/^npm install .*\n/m, ''));
  expect((await readdir(join(folder, 'migrations'))).filter(name => /^Migration\d+\.ts$/.test(name))).toHaveLength(1);
  expect(await readFile(join(folder, 'migrations/index.ts'), 'utf8')).toMatch(/^export \{ Migration\d+ \}/m);

  await writeFile(
    join(folder, 'main.mts'),
    `import { withRequestContext } from 'mikro-orm-web';
     import { User } from './entities';
     import { orm } from './orm';
     import { listUsers } from './users';
     await withRequestContext(orm, async em => {
       em.create(User, { email: 'ann@example.com', fullName: 'Ann' });
       await em.flush();
     });
     console.log(JSON.stringify([(await listUsers()).length, (await orm.check()).ok]));
     await orm.close();`,
  );
  // what the README says to set: without it, the message says so
  await expect(run('tsx main.mts')).rejects.toThrow('npm pkg set type=module');
  await run(`npm pkg set type=module && echo '{}' > tsconfig.json`);
  expect((await run('tsx main.mts')).stdout).toContain('[1,true]');
  const check = await run(`node ${join(root, 'dist/cli.js')} migrate --check`);
  expect(check.stdout).toBe('No migration is pending.\n');
});
