import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { examineNextApp } from '../../src/doctor/next-app.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
  await write({ 'package.json': JSON.stringify({ dependencies: { next: '16.4.6' } }) });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}
const seen = () =>
  examineNextApp(folder).map(({ id, severity, evidence }) => [`${severity} ${id}`, ...(evidence ?? [])]);

const ORM = {
  'tsconfig.json': '{ // as create-next-app writes it\n "compilerOptions": { "paths": { "@/*": ["./*"], }, }, }',
  'lib/orm.ts': `import { createOrmSingleton } from 'mikro-orm-web';\nimport config from '@/mikro-orm.config';\nexport const orm = createOrmSingleton(config);`,
  'mikro-orm.config.ts': `import { defineConfig } from '@mikro-orm/postgresql';\nexport default defineConfig({});`,
};

test('an app whose routes run in Node.js is fine', async () => {
  await write({
    ...ORM,
    'app/page.tsx': `import { orm } from '@/lib/orm';\nexport default async function Page() { await orm(); }`,
    'app/api/route.ts': `// export const runtime = 'edge'\nimport { orm } from '../../lib/orm.js';\nexport const runtime = 'nodejs';`,
    'app/og/route.tsx': `import { ImageResponse } from 'next/og';\nimport type { Article } from '@/lib/orm';\nexport const runtime = 'edge';`,
    'proxy.ts': `import { orm } from '@/lib/orm';`,
    'next.config.ts': `export default { output: 'standalone', serverExternalPackages: ['sharp', '@mikro-orm/core'] };`,
  });
  expect(seen()).toEqual([]);
});

test('routes in the edge runtime that lead to the ORM, by themselves or through a layout', async () => {
  await write({
    ...ORM,
    'src/app/api/route.ts': `export * from '../../../lib/orm';\nexport const runtime = 'edge';`,
    'app/(a)/layout.tsx': `export const runtime: string = 'edge';`,
    'app/(a)/list/page.tsx': `export default async () => (await import('@/lib/config')).default;`,
    'app/(a)/list/route.ts': `import '@/lib/config';`, // a layout is none of its business
    'app/(a)/node/page.tsx': `import '@/lib/config';\nexport const runtime = 'nodejs';`,
    'lib/config.ts': `import config from '../mikro-orm.config';\nexport default config;`,
    'pages/api/old.ts': `import { mapOrmError } from 'mikro-orm-web';\nexport const config = { runtime: 'edge' };`,
  });
  expect(seen()).toEqual([
    ['error edge-runtime', 'app/(a)/list/page.tsx → lib/config.ts → mikro-orm.config.ts → @mikro-orm/postgresql'],
    ['warning edge-runtime', 'src/app/api/route.ts → lib/orm.ts → mikro-orm-web'],
    ['warning edge-runtime', 'pages/api/old.ts → mikro-orm-web'],
  ]);
  expect(examineNextApp(folder)[0]!.fix).toMatch(/^Remove runtime = 'edge'/);
});

test('a middleware runs in the edge runtime, unless it says otherwise', async () => {
  await write({ ...ORM, 'src/middleware.ts': `import config from '../mikro-orm.config';` });
  const [finding] = examineNextApp(folder);
  expect(finding).toMatchObject({ id: 'edge-runtime', severity: 'error', fix: expect.stringContaining('proxy.ts') });
  await write({
    'src/middleware.ts': `import config from '../mikro-orm.config';\nexport const config = { matcher: '/', runtime: 'nodejs' };`,
  });
  expect(seen()).toEqual([]);
});

test('settings that give the core several copies', async () => {
  const configOf = (more: string) => write({ 'next.config.ts': `export default {${more} };` });
  await configOf(`transpilePackages: ['@mikro-orm/core', 'ui']`);
  expect(seen()).toEqual([['error next-bundling']]);
  await configOf(`serverExternalPackages: ["mikro-orm-web", '@mikro-orm/sqlite', 'sharp']`);
  expect(seen(), 'without standalone output nothing is copied').toEqual([]);
  await configOf(`output: 'standalone', serverExternalPackages: ["mikro-orm-web", '@mikro-orm/sqlite', 'sharp']`);
  expect(seen()).toEqual([['warning next-bundling']]);
  expect(examineNextApp(folder)[0]!.fix).toContain('Remove mikro-orm-web, @mikro-orm/sqlite from');
});

test('an app without Next.js is not looked at', async () => {
  await write({
    'package.json': '{}',
    ...ORM,
    'app/route.ts': `import '../lib/orm';\nexport const runtime = 'edge';`,
  });
  expect(seen()).toEqual([]);
});
