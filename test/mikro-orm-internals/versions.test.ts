import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Utils } from '@mikro-orm/core';
import { build } from 'esbuild';
import { afterAll, expect, test } from 'vitest';

const repository = resolve(import.meta.dirname, '../..');
// below the repository, so that what MikroORM needs is found
const folder = join(repository, `test/.tmp/versions-${process.pid}`);
afterAll(() => rm(folder, { recursive: true, force: true }));

const version = Utils.getORMVersion();
const PACKAGES = ['core', 'sql', 'sqlite', 'migrations'];
const DEPENDENCIES = Object.fromEntries(PACKAGES.map(name => [`@mikro-orm/${name}`, version]));

/** Opens and closes an ORM in each of two evaluations of the library, as the module graphs of a bundler. */
const MAIN = `
import { defineEntity, p } from '@mikro-orm/core';
import { defineConfig } from '@mikro-orm/sqlite';
import * as first from './first/index.js';
import * as second from './second/index.js';

for (const { createOrmSingleton } of [first, second, first]) {
  const Note = defineEntity({ name: 'Note', properties: { id: p.integer().primary() } });
  await using orm = createOrmSingleton(defineConfig({ dbName: ':memory:', entities: [Note] }));
  await orm();
}
console.log('opened');
`;

let count = 0;

/** An app with copies of MikroORM's packages, whose texts a test may change. */
async function createApp(dependencies: Record<string, string> = DEPENDENCIES): Promise<string> {
  const app = join(folder, String(++count));
  for (const name of PACKAGES) {
    await cp(join(repository, 'node_modules/@mikro-orm', name), join(app, 'node_modules/@mikro-orm', name), {
      recursive: true,
    });
  }
  for (const copy of ['first', 'second']) {
    await cp(join(repository, 'dist'), join(app, copy), { recursive: true });
  }
  await writeFile(join(app, 'package.json'), JSON.stringify({ type: 'module', dependencies }));
  await writeFile(join(app, 'main.js'), MAIN);
  return app;
}

async function release(app: string, file: string, other: string): Promise<void> {
  const path = join(app, 'node_modules/@mikro-orm', file);
  const text = await readFile(path, 'utf8');
  expect(text).toContain(version);
  await writeFile(path, text.replaceAll(version, other));
}

/** The warnings of a process, by their codes. */
async function run(
  app: string,
  file = 'main.js',
  env: NodeJS.ProcessEnv = {},
): Promise<[code: string, text: string][]> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], {
    cwd: app,
    env: { PATH: process.env['PATH'], ...env },
  });
  expect(stdout).toBe('opened\n');
  return [...stderr.matchAll(/\[(MIKRO_ORM_WEB_\w+)\] \w+: (.*)/g)].map(([, code, text]) => [code!, text!]);
}

test('versions that were tested, and match, are no matter for a warning', async () => {
  expect(await run(await createApp())).toEqual([]);
});

test('an unknown minor is warned of once a process, and the ORM opens', async () => {
  const app = await createApp();
  await release(app, 'core/utils/Utils.js', '7.99.3');
  for (const name of PACKAGES) {
    await release(app, `${name}/package.json`, '7.99.3');
  }
  expect(await run(app)).toEqual([
    [
      'MIKRO_ORM_WEB_UNTESTED_VERSION',
      expect.stringMatching(/tested with MikroORM 7\.2, and 7\.99\.3 is installed.*newer mikro-orm-web/),
    ],
  ]);
});

test('packages that differ are warned of once a process, each by its name', async () => {
  const app = await createApp();
  await release(app, 'migrations/package.json', '7.2.0');
  await release(app, 'sqlite/package.json', '7.1.11');
  expect(await run(app)).toEqual([
    [
      'MIKRO_ORM_WEB_VERSION_MISMATCH',
      expect.stringContaining(
        `core ${version} is loaded, and beside it @mikro-orm/sqlite 7.1.11, @mikro-orm/migrations 7.2.0 are installed`,
      ),
    ],
  ]);
  expect(await run(app, 'main.js', { MIKRO_ORM_ALLOW_VERSION_MISMATCH: '1' })).toEqual([]);
});

test('packages with versions of their own, packages that are not listed, and no package.json are none', async () => {
  const app = await createApp({ ...DEPENDENCIES, '@mikro-orm/nestjs': '6.1.1', '@mikro-orm/mysql': version });
  const other = join(app, 'node_modules/@mikro-orm/nestjs/package.json');
  await mkdir(dirname(other), { recursive: true });
  await writeFile(other, JSON.stringify({ name: '@mikro-orm/nestjs', version: '6.1.1' }));
  expect(await run(app)).toEqual([]);
  await release(app, 'migrations/package.json', '7.2.0');
  await writeFile(join(app, 'package.json'), JSON.stringify({ type: 'module' }));
  expect(await run(app)).toEqual([]);
  await rm(join(app, 'package.json'));
  expect(await run(join(app, 'node_modules'), '../main.js')).toEqual([]);
});

test('a minified bundle of all but the native driver warns as well', async () => {
  const app = await createApp();
  await release(app, 'core/utils/Utils.js', '7.99.3');
  await build({
    entryPoints: [join(app, 'main.js')],
    outfile: join(app, 'bundle.js'),
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    external: ['better-sqlite3', 'tsx', '@vercel/*', 'mariadb', 'libsql'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'silent',
  });
  const warnings = await run(app, 'bundle.js');
  expect(warnings.map(([code]) => code)).toEqual(['MIKRO_ORM_WEB_UNTESTED_VERSION', 'MIKRO_ORM_WEB_VERSION_MISMATCH']);
});
