import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const example = join(root, 'examples/daloyjs');
const readJson = async (file: string) => JSON.parse(await readFile(file, 'utf8'));
const PEERS = ['core', 'migrations'];

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'mikro-orm-web-install-')));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Where this app, and the library that is installed in it, find MikroORM. */
async function coresOf(app: string): Promise<string[]> {
  const library = await realpath(join(app, 'node_modules/mikro-orm-web/package.json'));
  return [join(app, 'package.json'), library].map(from => createRequire(from).resolve('@mikro-orm/core/package.json'));
}

/** Installs this repository by `file:` into an app that has a MikroORM of its own, without a network. */
async function install(): Promise<string[]> {
  const { version } = await readJson(join(root, 'node_modules/@mikro-orm/core/package.json'));
  const dependencies: Record<string, string> = { 'mikro-orm-web': `file:${root}` };
  for (const peer of PEERS) {
    await mkdir(join(folder, peer));
    const name = `@mikro-orm/${peer}`;
    await writeFile(join(folder, peer, 'package.json'), JSON.stringify({ name, version }));
    dependencies[name] = `file:./${peer}`;
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true, dependencies }));
  await promisify(execFile)('npm', ['install', '--offline', '--no-audit', '--no-fund', '--no-package-lock'], {
    cwd: folder,
  });
  return coresOf(folder);
}

test('with the .npmrc of the example, library and app have one MikroORM; without it, two', async () => {
  const [linked, library] = await install();
  expect(library).not.toBe(linked);
  await rm(folder, { recursive: true });
  await mkdir(folder);
  await cp(join(example, '.npmrc'), join(folder, '.npmrc'));
  const [copied, copy] = await install();
  expect(copy).toBe(copied);
});

test('the example asks for the same MikroORM as this repository, and for what it imports', async () => {
  const { dependencies, devDependencies } = await readJson(join(example, 'package.json'));
  const { devDependencies: own } = await readJson(join(root, 'package.json'));
  const asked = Object.entries<string>({ ...dependencies, ...devDependencies });
  const versions = asked.filter(([name]) => name.startsWith('@mikro-orm/'));
  expect(versions.map(([, version]) => version)).toEqual(versions.map(() => own['@mikro-orm/core']));
  expect(dependencies).toMatchObject({ 'mikro-orm-web': 'file:../..', '@daloyjs/core': '^1.2.1', zod: own.zod });
});

// only where somebody has run npm install there
if (existsSync(join(example, 'node_modules/mikro-orm-web'))) {
  test('the example, as it is installed here, has one MikroORM', async () => {
    const [own, library] = await coresOf(example);
    expect(library).toBe(own);
  });
}
