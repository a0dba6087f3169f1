import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { examinePackages } from '../../src/doctor/packages.js';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
  folder = join(root, 'app');
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Writes a package.json. */
async function write(place: string, manifest: object = {}): Promise<void> {
  await mkdir(join(root, place), { recursive: true });
  await writeFile(join(root, place, 'package.json'), JSON.stringify(manifest));
}
const link = async (from: string, to: string): Promise<void> => {
  await mkdir(join(root, from, '..'), { recursive: true });
  await symlink(join(root, to), join(root, from));
};
const core = (version = '7.2.1') => ({ name: '@mikro-orm/core', version });
const needsCore = (version?: string) => ({ version, peerDependencies: { '@mikro-orm/core': '^7.0.0' } });
const seen = () =>
  examinePackages(folder).map(({ id, severity, evidence }) => [`${severity} ${id}`, ...(evidence ?? [])]);

test('one copy, hoisted to the workspace root, is fine', async () => {
  await write('node_modules/@mikro-orm/core', core());
  await write('node_modules/@mikro-orm/sqlite', needsCore('7.2.1'));
  await write('node_modules/mikro-orm-web', needsCore());
  await write('app', { dependencies: { '@mikro-orm/sqlite': '*', 'mikro-orm-web': '*', ui: '*' } });
  await write('ui', needsCore());
  await link('app/node_modules/ui', 'ui');
  expect(seen()).toEqual([]);
});

test('a second copy in a package that has one of its own', async () => {
  await write('app/node_modules/@mikro-orm/core', core());
  await write('app/node_modules/@mikro-orm/sqlite', needsCore('7.2.1'));
  await write('app/node_modules/@acme/audit', {});
  await write('app/node_modules/@acme/audit/node_modules/@mikro-orm/core', core());
  await write('app', {});
  expect(seen()).toEqual([
    [
      'warning core-copies',
      '@mikro-orm/core 7.2.1 in node_modules/@mikro-orm/core, for @mikro-orm/sqlite, the app',
      '@mikro-orm/core 7.2.1 in node_modules/@acme/audit/node_modules/@mikro-orm/core, for @acme/audit',
    ],
  ]);
});

test('a driver with a copy of its own, in another version', async () => {
  await write('app/node_modules/@mikro-orm/core', core());
  await write('app/node_modules/@mikro-orm/sqlite', needsCore('7.2.1'));
  await write('app/node_modules/@mikro-orm/sqlite/node_modules/@mikro-orm/core', core('7.1.11'));
  await write('app', {});
  expect(seen()).toEqual([
    [
      'error package-versions',
      '@mikro-orm/core 7.2.1',
      '@mikro-orm/sqlite 7.2.1',
      '@mikro-orm/core 7.1.11 in node_modules/@mikro-orm/sqlite/node_modules/@mikro-orm/core',
    ],
    ['error core-copies', expect.stringContaining('the app'), expect.stringContaining('for @mikro-orm/sqlite')],
  ]);
});

test('a linked package that brings its development dependencies', async () => {
  await write('app/node_modules/@mikro-orm/core', core());
  await write('app', { dependencies: { entities: 'file:../entities' } });
  await write('entities', needsCore());
  await write('entities/node_modules/@mikro-orm/core', core());
  await link('app/node_modules/entities', 'entities');
  expect(seen()).toEqual([
    [
      'warning core-copies',
      expect.any(String),
      '@mikro-orm/core 7.2.1 in ../entities/node_modules/@mikro-orm/core, for entities',
    ],
  ]);
});

test('links into one store, as pnpm makes them, and a second copy behind a dependency', async () => {
  const store = 'app/node_modules/.pnpm';
  await write(`${store}/core@1/node_modules/@mikro-orm/core`, core());
  await write(`${store}/sqlite@1/node_modules/@mikro-orm/sqlite`, needsCore('7.2.1'));
  await write(`${store}/x@1/node_modules/x`, { dependencies: { y: '*' } });
  await write(`${store}/y@1/node_modules/y`, needsCore());
  await link(`${store}/sqlite@1/node_modules/@mikro-orm/core`, `${store}/core@1/node_modules/@mikro-orm/core`);
  await link(`${store}/x@1/node_modules/y`, `${store}/y@1/node_modules/y`);
  await link(`${store}/y@1/node_modules/@mikro-orm/core`, `${store}/core@1/node_modules/@mikro-orm/core`);
  for (const name of ['core', 'sqlite']) {
    await link(`app/node_modules/@mikro-orm/${name}`, `${store}/${name}@1/node_modules/@mikro-orm/${name}`);
  }
  await link('app/node_modules/x', `${store}/x@1/node_modules/x`);
  await write('app', { dependencies: { '@mikro-orm/core': '*', '@mikro-orm/sqlite': '*', x: '*' } });
  expect(seen()).toEqual([]);

  await write(`${store}/core@2/node_modules/@mikro-orm/core`, core('7.1.11'));
  await rm(join(root, `${store}/y@1/node_modules/@mikro-orm/core`));
  await link(`${store}/y@1/node_modules/@mikro-orm/core`, `${store}/core@2/node_modules/@mikro-orm/core`);
  expect(seen()).toEqual([
    ['warning core-copies', expect.any(String), expect.stringMatching(/core 7\.1\.11 in .*, for y$/)],
  ]);
});

test('another workspace has packages of its own', async () => {
  await write('node_modules/@mikro-orm/core', core());
  await write('', { workspaces: ['old'] });
  await write('old', needsCore());
  await write('old/node_modules/@mikro-orm/core', core('7.1.11'));
  await link('node_modules/old', 'old');
  folder = root;
  expect(seen()).toEqual([]);
});
