import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { PrivatePackage } from '../../support/private-package.ts';

const run = promisify(execFile);
const folder = resolve(import.meta.dirname, '..');
const repository = resolve(folder, '../..');
const frameworks = new PrivatePackage(folder);

/** Whether the frameworks are there, in the versions of package.json. */
export const isInstalled = (): Promise<boolean> => frameworks.isInstalled();

/** Installs the frameworks into this folder, and nowhere else. */
export const install = (): Promise<void> => frameworks.install();

/** Puts the library there as an app gets it: packed, and not as a link to this repository, which bundlers take for sources. */
export async function installLibrary(): Promise<void> {
  await mkdir(join(folder, '.tmp'), { recursive: true });
  const packed = await mkdtemp(join(folder, '.tmp/pack-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', packed], { cwd: repository });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  const target = join(frameworks.modules, 'mikro-orm-web');
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await run('tar', ['-xzf', join(packed, filename), '--strip-components=1', '-C', target]);
  await rm(packed, { recursive: true });
}

if (process.argv[1] === import.meta.filename) {
  await install();
}
