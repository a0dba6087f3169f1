import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runCli, runScript } from '../support/cli.js';
import { nextAppIn, type NextApp } from './support/next-app.js';

const repository = resolve(import.meta.dirname, '../..');
const mikroOrm = join(repository, 'node_modules/@mikro-orm/cli/cli.js');

/** tsconfig.json as create-next-app 16 writes it. */
const tsconfigOf = (folder: string): string =>
  JSON.stringify({
    compilerOptions: {
      target: 'ES2017',
      lib: ['dom', 'dom.iterable', 'esnext'],
      allowJs: true,
      skipLibCheck: true,
      strict: true,
      noEmit: true,
      esModuleInterop: true,
      module: 'esnext',
      moduleResolution: 'bundler',
      resolveJsonModule: true,
      isolatedModules: true,
      jsx: 'react-jsx',
      incremental: true,
      plugins: [{ name: 'next' }],
      paths: { '@/*': [folder] },
    },
    include: ['next-env.d.ts', '**/*.ts', '**/*.tsx', '.next/types/**/*.ts', '.next/dev/types/**/*.ts', '**/*.mts'],
    exclude: ['node_modules'],
  });

/** An app as create-next-app makes it, in CommonJS, with or without src/, and with routes that use the adapter. */
const filesOf = (base: 'src/' | ''): Record<string, string> => ({
  'package.json': JSON.stringify({
    name: 'my-app',
    version: '0.1.0',
    private: true,
    dependencies: { '@mikro-orm/sqlite': '7.2.1', next: '16', react: '19' },
    devDependencies: { '@mikro-orm/cli': '7.2.1', tsx: '4', typescript: '6' },
  }),
  'tsconfig.json': tsconfigOf(`./${base}*`),
  // only because the app lies in the repository, whose root has its packages
  'next.config.ts': `import { join } from 'node:path';
const repository = join(process.cwd(), '../../..');
export default { turbopack: { root: repository }, outputFileTracingRoot: repository, agentRules: false };
`,
  [`${base}app/layout.tsx`]: `import type { ReactNode } from 'react';
export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
`,
  [`${base}app/page.tsx`]: `import { User } from '@/lib/entities';
import { getEm } from '@/lib/orm';
export default async function Page() {
  const em = await getEm();
  return <p>{\`users: \${await em.count(User)}\`}</p>;
}
`,
  [`${base}app/api/users/route.ts`]: `import { serialize } from '@mikro-orm/core';
import { User } from '@/lib/entities';
import { withEm, withProblems } from '@/lib/orm';
export const POST = withProblems(async request => {
  const input = (await request.json()) as { email: string; name: string };
  return withEm(async em => {
    em.create(User, input);
    await em.flush();
    em.clear();
    return Response.json(serialize(await em.findAll(User)), { status: 201 });
  });
});
`,
});

const apps: NextApp[] = [];
const folders: string[] = [];
async function createApp(base: 'src/' | ''): Promise<{ folder: string; app: NextApp }> {
  const parent = join(repository, 'test/.tmp');
  await mkdir(parent, { recursive: true });
  await writeFile(join(parent, '.gitignore'), '*\n');
  const folder = await mkdtemp(join(parent, 'add-nextjs-'));
  for (const [file, text] of Object.entries(filesOf(base))) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  const app = nextAppIn(folder, 'turbopack');
  apps.push(app);
  folders.push(folder);
  return { folder, app };
}
afterAll(async () => {
  await Promise.all(apps.map(app => app.stop()));
  await Promise.all(folders.map(folder => rm(folder, { recursive: true, force: true })));
});

/** Runs add and migration:create; returns the name of the migration. */
async function addAndCreate(folder: string, base: string): Promise<string> {
  const added = await runCli(folder, 'add', 'nextjs');
  expect(added).toMatchObject({ code: 0, stderr: '' });
  expect(added.stdout, 'tsx is there').not.toContain('tsx');
  const created = await runScript(mikroOrm, folder, 'migration:create', '--config', `${base}mikro-orm.config.ts`);
  expect(created, created.stderr).toMatchObject({ code: 0 });
  const files = await readdir(join(folder, `${base}migrations`));
  const migration = files.find(file => /^Migration\d+.*\.ts$/.test(file))!.replace(/\.ts$/, '');
  // no extension: this tsconfig.json refuses .ts
  expect(await readFile(join(folder, `${base}migrations/index.ts`), 'utf8')).toContain(`from './${migration}';`);
  expect(await readFile(join(folder, `${base}migrations/${migration}.ts`), 'utf8')).toMatch(/create table \W*user/);
  return migration;
}

test('a new app in src/: add, migration:create, build, migrate, start, a request that writes and reads', async () => {
  const { folder, app } = await createApp('src/');
  const migration = await addAndCreate(folder, 'src/');
  await rm(join(folder, 'app.db'), { force: true }); // migration:create makes it
  await app.build({}); // which checks types, too
  expect(existsSync(join(folder, 'app.db')), 'the build opens no database').toBe(false);
  expect(await runCli(folder, 'migrate')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`pending were: ${migration}\n`),
    stderr: '',
  });

  const server = await app.start({});
  const post = async (body: object) => {
    const response = await fetch(`${server.address}/api/users`, { method: 'POST', body: JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  };
  const ann = { email: 'ann@example.com', name: 'Ann' };
  expect(await post(ann)).toEqual({ status: 201, body: [{ id: 1, ...ann }] });
  expect(await post(ann)).toMatchObject({
    status: 409,
    body: { code: 'unique-violation', errors: [{ path: 'email', message: 'is already taken' }] },
  });
  expect(await server.get('/')).toMatchObject({ status: 200, text: expect.stringContaining('users: 1') });
  await server.stop();
  expect((await runCli(folder, 'migrate', '--check')).code).toBe(0);
  expect(await runCli(folder, 'doctor')).toEqual({ code: 0, stdout: 'Nothing is wrong.\n', stderr: '' });

  const again = await runCli(folder, 'add', 'nextjs');
  expect(again.code).toBe(0);
  expect(again.stdout).not.toMatch(/^Wrote/m);
});

test('a new app without src/: the same but for the build, and its types are right', async () => {
  const { folder } = await createApp('');
  const migration = await addAndCreate(folder, '');
  // imports by the alias are the app's own habit
  const config = join(folder, 'mikro-orm.config.ts');
  await writeFile(config, (await readFile(config, 'utf8')).replace("'./lib/entities/index'", "'@/lib/entities'"));
  await writeFile(join(folder, 'next-env.d.ts'), '/// <reference types="next" />\n');
  const checked = await runScript(join(repository, 'node_modules/typescript/bin/tsc'), folder);
  expect(checked, checked.stdout).toMatchObject({ code: 0 });
  expect(await runScript(mikroOrm, folder, 'migration:check')).toMatchObject({ code: 0 });
  expect(await runCli(folder, 'migrate')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`pending were: ${migration}\n`),
    stderr: '',
  });
  expect(await runCli(folder, 'doctor')).toEqual({ code: 0, stdout: 'Nothing is wrong.\n', stderr: '' });
});
