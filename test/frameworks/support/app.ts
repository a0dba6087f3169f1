import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { TestApp } from './frameworks.js';
import { AppServer, freePort, run, type Env } from './server.js';

const folder = resolve(import.meta.dirname, '..');
const modules = join(folder, 'node_modules');

/** What a command line answered. */
export interface CliResult {
  code: number | string;
  stdout: string;
  /** All that it printed. */
  output: string;
}

/** A copy of a test app, with the shared sources, and the adapter as `add` writes it. */
export class AppCopy {
  readonly app: TestApp;
  readonly path: string;
  readonly #servers: AppServer[] = [];

  private constructor(app: TestApp, path: string) {
    this.app = app;
    this.path = path;
  }

  static async create(app: TestApp): Promise<AppCopy> {
    await mkdir(join(folder, '.tmp'), { recursive: true });
    const path = await mkdtemp(join(folder, `.tmp/${app.name}-`));
    await cp(join(folder, app.name), path, { recursive: true });
    await cp(join(folder, 'shared'), join(path, app.sources), { recursive: true });
    const copy = new AppCopy(app, path);
    await copy.edit('mikro-orm.config.ts', text =>
      text
        // an app imports its own files by the framework's alias, in the config, too
        .replace("'./entities.ts'", `'${app.alias ?? '.'}/entities.ts'`)
        .replace('{ snapshot:', `{ path: './${app.sources}/migrations', snapshot:`),
    );
    return copy;
  }

  /** Runs the command line of the installed package. */
  cli(args: readonly string[], env: Env = {}): Promise<CliResult> {
    return this.#script(join(modules, 'mikro-orm-web/dist/cli.js'), args, env);
  }

  /** MikroORM's own command line. */
  mikroOrm(args: readonly string[], env: Env = {}): Promise<CliResult> {
    return this.#script(join(modules, '@mikro-orm/cli/cli.js'), args, env);
  }

  async #script(script: string, args: readonly string[], env: Env): Promise<CliResult> {
    const running = run([process.execPath, script, ...args], this.path, env);
    const code = await running.ended(60_000);
    return { code, stdout: running.stdout(), output: running.output() };
  }

  async build(minify: boolean): Promise<void> {
    const command = this.app.build(minify);
    if (command) {
      await this.run(command, { MINIFY: minify ? '1' : '' });
    }
  }

  /** Runs a command to its end; throws what it printed where it fails. */
  async run(command: readonly string[], env: Env = {}): Promise<string> {
    const running = run(command, this.path, env);
    const code = await running.ended(240_000);
    if (code !== 0) {
      throw new Error(`${command.join(' ')} ended with ${code}:\n${running.output()}`);
    }
    return running.output();
  }

  async #serve(command: (port: string) => readonly string[], env: Env): Promise<AppServer> {
    const port = await freePort();
    const running = run(command(String(port)), this.path, { ...env, PORT: String(port), HOST: '127.0.0.1' });
    const server = new AppServer(port, running);
    this.#servers.push(server);
    return server;
  }

  start(minify: boolean, env: Env): Promise<AppServer> {
    return this.#serve(() => this.app.start(minify), { NODE_ENV: 'production', ...env });
  }

  dev(env: Env): Promise<AppServer> {
    const { dev = [] } = this.app;
    return this.#serve(port => [...dev, '--port', port, '--host', '127.0.0.1'], env);
  }

  /** Rewrites a file at once: no watcher must see half of it. */
  async edit(file: string, change: (text: string) => string): Promise<void> {
    const path = join(this.path, this.app.sources, file);
    const text = await readFile(path, 'utf8');
    const changed = change(text);
    if (changed === text) {
      throw new Error(`The edit changed nothing in ${file}`);
    }
    await writeFile(`${path}.new`, changed);
    await rename(`${path}.new`, path);
  }

  async remove(): Promise<void> {
    await Promise.all(this.#servers.map(server => server.stop()));
    await rm(this.path, { recursive: true, force: true });
  }
}
