import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli, runScript } from '../support/cli.js';
import { nextAppIn, type NextApp } from './support/next-app.js';

const repository = resolve(import.meta.dirname, '../..');
const mikroOrm = join(repository, 'node_modules/@mikro-orm/cli/cli.js');

/** An app as create-next-app makes it, and a route that uses the adapter. */
const FILES = {
  'package.json': JSON.stringify({
    name: 'my-app',
    private: true,
    dependencies: { '@mikro-orm/sqlite': '7.2.1', next: '16', react: '19' },
    devDependencies: { '@mikro-orm/cli': '7.2.1', typescript: '6' },
  }),
  // strict, and more so than create-next-app; the last but one lets plain Node.js load the config, without tsx
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      target: 'ES2022',
      lib: ['dom', 'dom.iterable', 'esnext'],
      allowJs: true,
      skipLibCheck: true,
      strict: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      esModuleInterop: true,
      module: 'esnext',
      moduleResolution: 'bundler',
      resolveJsonModule: true,
      isolatedModules: true,
      jsx: 'react-jsx',
      incremental: true,
      types: ['node'],
      allowImportingTsExtensions: true,
      plugins: [{ name: 'next' }],
    },
    include: ['next-env.d.ts', '**/*.ts', '**/*.tsx', '.next/types/**/*.ts'],
    exclude: ['node_modules'],
  }),
  // only because the app lies in the repository, whose root has its packages
  'next.config.ts': `import { join } from 'node:path';
const repository = join(process.cwd(), '../../..');
export default { turbopack: { root: repository }, outputFileTracingRoot: repository, agentRules: false };
`,
  'src/app/layout.tsx': `import type { ReactNode } from 'react';
export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
`,
  'src/app/page.tsx': `import { User } from '../lib/entities';
import { getEm } from '../lib/orm';
export default async function Page() {
  const em = await getEm();
  return <p>{\`users: \${await em.count(User)}\`}</p>;
}
`,
  'src/app/api/users/route.ts': `import { serialize } from '@mikro-orm/core';
import { User } from '../../../lib/entities';
import { withEm, withProblems } from '../../../lib/orm';
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
};

let folder: string;
let app: NextApp;
beforeAll(async () => {
  const parent = join(repository, 'test/.tmp');
  await mkdir(parent, { recursive: true });
  await writeFile(join(parent, '.gitignore'), '*\n');
  folder = await mkdtemp(join(parent, 'add-nextjs-'));
  for (const [file, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  app = nextAppIn(folder, 'turbopack');
});
afterAll(async () => {
  await app.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a fresh Next.js app: add, migration:create, build, start, a request that writes and reads', async () => {
  expect(await runCli(folder, 'add', 'nextjs')).toMatchObject({ code: 0, stderr: '' });

  const config = ['--config', 'src/mikro-orm.config.ts'];
  const created = await runScript(mikroOrm, folder, 'migration:create', ...config);
  expect(created, created.stderr).toMatchObject({ code: 0 });
  const files = await readdir(join(folder, 'src/migrations'));
  const migration = files.find(file => /^Migration\d+.*\.ts$/.test(file))!;
  expect(await readFile(join(folder, 'src/migrations/index.ts'), 'utf8')).toContain(`from './${migration}'`);
  expect(await readFile(join(folder, 'src/migrations', migration), 'utf8')).toMatch(/create table \W*user/);

  await rm(join(folder, 'app.db'), { force: true }); // migration:create makes it
  await app.build({}); // which checks types, too
  expect(existsSync(join(folder, 'app.db')), 'the build opens no database').toBe(false);

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
  expect((await runCli(folder, 'migrate', '--check', ...config)).code).toBe(0);

  const again = await runCli(folder, 'add', 'nextjs');
  expect(again.code).toBe(0);
  expect(again.stdout).not.toMatch(/^Wrote/m);
});
