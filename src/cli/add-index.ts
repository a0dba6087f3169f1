import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Options } from '@mikro-orm/core';
import { updateIndex } from '../migrations/write-index.js';

/** Where migrations lie, unless the config or `--path` says otherwise. */
const FOLDERS = ['./migrations', './src/migrations'];

/** Lists the existing migrations of a folder in its index, and prints what it wrote. */
export async function addIndex(
  config: Partial<Options> | undefined,
  { path, baseDir }: { path?: string | undefined; baseDir: string },
): Promise<number> {
  const { migrations } = config ?? {};
  const folder = path === undefined ? findFolder(migrations, baseDir) : resolve(path);
  const files = existsSync(folder) ? migrationFiles(folder) : [];
  if (files.length === 0) {
    throw new Error(
      `There is no migration in ${folder}. Pass the folder: mikro-orm-web add index --path src/migrations.`,
    );
  }
  const [emit] = ['ts', 'js', 'cjs'].filter(extension => files.some(file => file.endsWith(`.${extension}`)));
  const { index, names, added, unclear, foreign } = await updateIndex({ baseDir, folder, emit: emit!, append: true });
  console.log(
    added.length === 0
      ? `${index} has all of them already: ${names.join(', ')}`
      : `Wrote to ${index}:\n${added.map(line => `  ${line}`).join('\n')}`,
  );
  if (foreign && added.length > 0) {
    console.log('What was written by hand stays above, and migration:create will leave the file alone.');
  }
  if (!migrations?.migrationsList?.length) {
    console.log(`In the config, where its import leads to that folder, or to where it is built to:
  import * as migrations from './migrations';
  export default defineConfig({ …, ...explicitMigrations(migrations) });`);
  }
  if (unclear.length > 0) {
    console.error(`It is not clear which migration ${unclear.join(', ')} exports: add the line yourself.`);
    return 1;
  }
  return 0;
}

function findFolder(migrations: Options['migrations'] | undefined, baseDir: string): string {
  const { emit = 'ts', path, pathTs } = migrations ?? {};
  const configured = emit === 'ts' ? (pathTs ?? path) : path;
  // the default of explicitMigrations is no answer
  const candidates = [...new Set([configured ?? FOLDERS[0]!, ...FOLDERS].map(folder => resolve(baseDir, folder)))];
  const found = candidates.filter(folder => existsSync(folder) && migrationFiles(folder).length > 0);
  if (configured !== undefined && !FOLDERS.includes(configured)) {
    return resolve(baseDir, configured);
  }
  if (found.length > 1) {
    throw new Error(
      `Migrations lie in ${found.join(' and ')}. Say which: mikro-orm-web add index --path src/migrations.`,
    );
  }
  return found[0] ?? candidates[0]!;
}

function migrationFiles(folder: string): string[] {
  return readdirSync(folder).filter(file => /\.(?:ts|js|cjs)$/.test(file) && !/^index\.|\.d\.[cm]?ts$/.test(file));
}
