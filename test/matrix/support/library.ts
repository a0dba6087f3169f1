import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The repository that the cells are about. */
export const repository = resolve(import.meta.dirname, '../../..');

/** What the repository itself is tested with. */
export const manifest = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
};
export const { devDependencies } = manifest;
export const mikroOrmVersion = devDependencies['@mikro-orm/core']!;

let packed: Promise<string> | undefined;

/** Builds and packs the library, once a run; `MATRIX_TARBALL` names one that is packed already. */
export function packLibrary(): Promise<string> {
  return (packed ??= pack());
}

async function pack(): Promise<string> {
  const given = process.env['MATRIX_TARBALL'];
  if (given) {
    return resolve(given);
  }
  const folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-pack-'));
  await execute('npm', ['run', 'build'], { cwd: repository });
  const { stdout } = await execute('npm', ['pack', '--json', '--pack-destination', folder], { cwd: repository });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  return join(folder, filename);
}

/** Removes what {@link packLibrary} made. */
export async function removePacked(): Promise<void> {
  if (packed && !process.env['MATRIX_TARBALL']) {
    await rm(join(await packed, '..'), { recursive: true, force: true });
  }
}
