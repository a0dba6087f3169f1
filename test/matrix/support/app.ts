import { cp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Bench } from './bench.ts';
import { mikroOrmVersion } from './library.ts';

const source = resolve(import.meta.dirname, '../app');

/** What an app on SQLite depends on; the tarball lies beside its package.json. */
export const DEPENDENCIES = {
  'mikro-orm-web': 'file:./mikro-orm-web.tgz',
  '@mikro-orm/cli': mikroOrmVersion,
  '@mikro-orm/core': mikroOrmVersion,
  '@mikro-orm/migrations': mikroOrmVersion,
  '@mikro-orm/sqlite': mikroOrmVersion,
};

/** Makes a folder for an app, with the packed library in it. */
export async function createApp(bench: Bench, manifest: object = {}): Promise<void> {
  await bench.write('app/package.json', {
    name: 'app',
    version: '0.0.0',
    private: true,
    type: 'module',
    dependencies: DEPENDENCIES,
    ...manifest,
  });
  await cp(await bench.library(), bench.path('app/mikro-orm-web.tgz'));
}

/** The small app of `app/`: an entity, a migration, and a script that uses both. */
export async function copySmallApp(bench: Bench): Promise<void> {
  await cp(source, join(bench.path('app')), { recursive: true });
}
