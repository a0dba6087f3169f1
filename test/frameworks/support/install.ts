import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const folder = resolve(import.meta.dirname, '..');
const repository = resolve(folder, '../..');
const modules = join(folder, 'node_modules');
const stamp = join(modules, '.installed');

/** The hash of what package.json asks for. */
async function wanted(): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(folder, 'package.json')))
    .digest('hex');
}

/** Whether the frameworks are there, in the versions of package.json. */
export async function isInstalled(): Promise<boolean> {
  return (await readFile(stamp, 'utf8').catch(() => undefined)) === (await wanted());
}

/** Installs the frameworks into this folder, and nowhere else. Exact versions, and no lockfile. */
export async function install(): Promise<void> {
  if (await isInstalled()) {
    return;
  }
  const start = performance.now();
  await run('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: folder });
  await writeFile(stamp, await wanted());
  console.log(`Installed the frameworks in ${Math.round((performance.now() - start) / 1000)} s`);
}

/** Puts the library there as an app gets it: packed, and not as a link to this repository, which bundlers take for sources. */
export async function installLibrary(): Promise<void> {
  await mkdir(join(folder, '.tmp'), { recursive: true });
  const packed = await mkdtemp(join(folder, '.tmp/pack-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', packed], { cwd: repository });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  const target = join(modules, 'mikro-orm-web');
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await run('tar', ['-xzf', join(packed, filename), '--strip-components=1', '-C', target]);
  await rm(packed, { recursive: true });
}

if (process.argv[1] === import.meta.filename) {
  await install();
}
