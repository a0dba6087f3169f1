import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A folder with a package.json of what some tests need, and the library does not. */
export class PrivatePackage {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get modules(): string {
    return join(this.#folder, 'node_modules');
  }

  get #stamp(): string {
    return join(this.modules, '.installed');
  }

  /** The hash of what package.json asks for. */
  async #wanted(): Promise<string> {
    return createHash('sha256')
      .update(await readFile(join(this.#folder, 'package.json')))
      .digest('hex');
  }

  /** Whether the packages are there, in the versions of package.json. */
  async isInstalled(): Promise<boolean> {
    return (await readFile(this.#stamp, 'utf8').catch(() => undefined)) === (await this.#wanted());
  }

  /** Installs them into this folder, and nowhere else. Exact versions, and no lockfile. */
  async install(): Promise<void> {
    if (await this.isInstalled()) {
      return;
    }
    const start = performance.now();
    const args = ['install', '--no-package-lock', '--no-audit', '--no-fund', '--prefer-offline'];
    await run('npm', args, { cwd: this.#folder });
    await writeFile(this.#stamp, await this.#wanted());
    console.log(`Installed ${this.#folder} in ${Math.round((performance.now() - start) / 1000)} s`);
  }
}
