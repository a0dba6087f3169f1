import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { run, type Env } from '../../frameworks/support/server.ts';
import { packLibrary } from './library.ts';

/** Generous: a cell shares its machine with others, and installs from the network. */
const LIMIT = 20 * 60_000;

interface ExecOptions {
  cwd?: string;
  env?: Env;
  /** The exit code that is right. */
  code?: number;
}

/** Where a cell works: a temporary folder, the packed library, and a record of what was found. */
export class Bench {
  readonly folder: string;
  /** The versions that were really there, by package or program. */
  readonly found = new Map<string, string>();
  /** What does not work for a reason of others. */
  readonly notes: string[] = [];
  readonly #log: (text: string) => void;
  #programs: string[] = [];

  constructor(folder: string, log: (text: string) => void) {
    this.folder = folder;
    this.#log = log;
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** The library as npm publishes it. */
  library(): Promise<string> {
    return packLibrary();
  }

  /** Writes a file, and the folders that it needs. What is not text is written as JSON. */
  async write(file: string, content: unknown): Promise<void> {
    const path = this.path(file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`);
  }

  createFolder(name: string): Promise<unknown> {
    return mkdir(this.path(name), { recursive: true });
  }

  /** An empty folder for another app. */
  async restart(): Promise<void> {
    await rm(this.path('app'), { recursive: true });
    await this.createFolder('app');
  }

  /** Puts a folder in front of PATH for everything that runs from now on. */
  usePrograms(folder: string): void {
    this.#programs = [folder, ...this.#programs];
  }

  /** The environment of what this cell runs. */
  env(more: Env = {}): Env {
    return { PATH: [...this.#programs, process.env['PATH']].join(delimiter), ...more };
  }

  /** Runs a command to its end, in `app` if nothing else is said, and returns what it printed. */
  async exec(command: readonly string[], options: ExecOptions = {}): Promise<string> {
    const { cwd = this.path('app'), env, code = 0 } = options;
    this.#log(`$ ${command.join(' ')}`);
    const running = run(command, cwd, this.env(env));
    const ended = await running.ended(LIMIT);
    this.#log(running.output());
    if (ended !== code) {
      throw new Error(`${command.join(' ')} ended with ${ended}, not ${code}:\n${running.output()}`);
    }
    return running.stdout();
  }

  /** Installs programs that npm has, away from the app, and returns the folder of their commands. */
  async installTools(...specs: string[]): Promise<string> {
    await this.write('tools/package.json', { private: true });
    await this.npmInstall('tools', ...specs);
    return this.path('tools/node_modules/.bin');
  }

  /** `npm install`, with the npm on the path. */
  async npmInstall(folder: string, ...specs: string[]): Promise<void> {
    const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--no-package-lock'];
    await this.exec(['npm', 'install', ...flags, ...specs], { cwd: this.path(folder) });
  }

  /** Notes the versions of packages that a folder has installed. */
  async findVersions(folder: string, ...names: string[]): Promise<void> {
    for (const name of names) {
      const manifest = await readFile(this.path(folder, 'node_modules', name, 'package.json'), 'utf8');
      this.found.set(name, (JSON.parse(manifest) as { version: string }).version);
    }
  }

  /** Leaves out of the versions found what is the same as that of `first`. */
  summarise(names: readonly string[], first: string): void {
    for (const name of names) {
      if (name !== first && this.found.get(name) === this.found.get(first)) {
        this.found.delete(name);
      }
    }
  }
}
