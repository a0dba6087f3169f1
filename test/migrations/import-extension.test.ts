import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importExtension } from '../../src/migrations/write-index.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(file: string, content: object | string): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));
}
const extension = (index?: string) => importExtension(index, join(folder, 'app/tsconfig.json'));
const bundler = { compilerOptions: { module: 'esnext', moduleResolution: 'bundler' } };
const allowing = { compilerOptions: { moduleResolution: 'bundler', allowImportingTsExtensions: true } };

test('as the index does already, else as the compiler options say', async () => {
  expect(await extension("export { A } from './A.js';")).toBe('.js');
  expect(await extension()).toBe('.js');
  await write('app/tsconfig.json', bundler);
  expect(await extension()).toBe('');
  await write('app/tsconfig.json', allowing);
  expect(await extension()).toBe('.ts');
  expect(await extension("export { A } from './A';")).toBe('');
});

test('what is extended by a path: with and without .json, and a folder', async () => {
  await write('base.json', allowing);
  await write('app/shared/tsconfig.json', { extends: '../../base.json' });
  for (const extended of ['../base', '../base.json', './shared']) {
    await write('app/tsconfig.json', { extends: extended });
    expect(await extension(), extended).toBe('.ts');
  }
  await write('app/tsconfig.json', { extends: './nowhere' });
  expect(await extension()).toBe('.js');
});

test('what a package has, or a framework has written into node_modules, of the app or above it', async () => {
  await write('node_modules/astro/tsconfigs/base.json', allowing);
  await write('node_modules/astro/tsconfigs/strict.json', { extends: './base.json' });
  await write('app/node_modules/$app/tsconfig.json', bundler);
  await write('node_modules/@tsconfig/node24/tsconfig.json', allowing);
  for (const [extended, expected] of [
    ['astro/tsconfigs/strict', '.ts'],
    ['$app/tsconfig', ''],
    ['@tsconfig/node24', '.ts'],
    ['missing/tsconfig', '.js'],
  ]) {
    await write('app/tsconfig.json', { extends: extended });
    expect(await extension(), extended).toBe(expected);
  }
});

test('references, where the project itself says nothing', async () => {
  await write('app/.nuxt/tsconfig.app.json', bundler);
  await write('app/.nuxt/tsconfig.server.json', allowing);
  const references = [{ path: './.nuxt/tsconfig.server.json' }, { path: './.nuxt/tsconfig.app.json' }];
  await write('app/tsconfig.json', `{ "files": [], // nothing else\n "references": ${JSON.stringify(references)} }`);
  expect(await extension()).toBe('.ts');
  await write('app/tsconfig.json', { compilerOptions: { module: 'nodenext' }, references: references.slice(0, 1) });
  expect(await extension()).toBe('.js');
  await write('app/part/tsconfig.json', bundler);
  await write('app/tsconfig.json', { files: [], references: [{ path: './part' }] });
  expect(await extension()).toBe('');
});

test('circles end', async () => {
  await write('app/tsconfig.json', { extends: './other.json', references: [{ path: '.' }] });
  await write('app/other.json', { extends: './tsconfig.json' });
  expect(await extension()).toBe('.js');
});
