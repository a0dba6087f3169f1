import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ended, handlesOf, killGroup, run, type Env, type Running } from './next-process.ts';

export type { Env };

export const BUNDLERS = ['turbopack', 'webpack'] as const;
export type Bundler = (typeof BUNDLERS)[number];

const tests = resolve(import.meta.dirname, '../..');
const BUILD_LIMIT = 240_000;
const START_LIMIT = 60_000;
const REQUEST_LIMIT = 60_000;

/** An app, to be built and served. */
export interface NextApp {
  /** `next build`; returns what it printed. */
  build(env: Env): Promise<string>;
  /** `next start` on a free port. */
  start(env: Env): Promise<NextServer>;
  /** `next dev` on a free port. */
  dev(env: Env): Promise<NextServer>;
  /** Stops all servers of this app that still run. */
  stop(): Promise<void>;
}

/** A copy of an app. */
export interface FixtureApp extends NextApp {
  /** Where it is. */
  readonly folder: string;
  /** Rewrites a file of this copy, or makes it. */
  edit(file: string, change: (text: string) => string): Promise<void>;
  /** Takes a file out of this copy. */
  leaveOut(file: string): Promise<void>;
  /** Stops, and deletes this copy. */
  remove(): Promise<void>;
}

/** What a server answered; status 0 when it did not. */
export interface Answer {
  status: number;
  text: string;
}

export interface NextServer {
  /** Such as `http://127.0.0.1:40123`. */
  readonly address: string;
  get(path: string): Promise<Answer>;
  /** Sends the form of a page, as a browser without JavaScript does. */
  submit(page: string, fields: Record<string, string>): Promise<Answer>;
  /** How often the processes of this server have opened `file`, and still hold it. */
  handles(file: string): number;
  log(): string;
  stop(): Promise<void>;
}

/** Copies the fixture app to a place from where the packages of this repository are found. */
export function createFixtureApp(bundler: Bundler): Promise<FixtureApp> {
  return copyApp([join(tests, 'fixtures/next-app')], bundler);
}

/** Copies the example, and adds the pages of `fixtures/renders` to it. */
export async function createExampleCopy(bundler: Bundler): Promise<FixtureApp> {
  const app = await copyApp([join(tests, '../examples/nextjs'), join(tests, 'fixtures/renders')], bundler);
  await app.edit('next.config.ts', text =>
    text
      .replace("'../..'", "'../../..'")
      .replace('agentRules', 'typescript: { ignoreBuildErrors: true },\n  agentRules'),
  );
  return app;
}

/** What building and running leaves in the folder of an app. */
const LEFTOVERS = /\/(?:node_modules|\.next|app\.db[^/]*)$/;

async function copyApp(sources: string[], bundler: Bundler): Promise<FixtureApp> {
  const parent = join(tests, '.tmp');
  await mkdir(parent, { recursive: true });
  await writeFile(join(parent, '.gitignore'), '*\n');
  const folder = await mkdtemp(join(parent, `next-app-${bundler}-`));
  for (const source of sources) {
    await cp(source, folder, { recursive: true, filter: path => !LEFTOVERS.test(path) });
  }
  const app = nextAppIn(folder, bundler);
  return {
    ...app,
    folder,
    async edit(file, change) {
      const path = join(folder, file);
      const text = await readFile(path, 'utf8').catch(() => '');
      const changed = change(text);
      if (changed === text) {
        throw new Error(`The edit changed nothing in ${file}`);
      }
      // no watcher must see half a file
      await writeFile(`${path}.new`, changed);
      await rename(`${path}.new`, path);
    },
    leaveOut: file => rm(join(folder, file)),
    async remove() {
      await app.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What was built (a cache of the bundler is no part of it) and has a text that matches. */
export async function filesWith(build: string, text: RegExp): Promise<string[]> {
  const files = (await readdir(build, { recursive: true, withFileTypes: true }))
    .filter(file => file.isFile())
    .map(file => join(file.parentPath, file.name))
    .filter(path => !/^(?:cache|dev)\//.test(relative(build, path)));
  const found: string[] = [];
  for (const path of files) {
    if (text.test(await readFile(path, 'latin1'))) {
      found.push(relative(build, path));
    }
  }
  return found;
}

/** The app in this folder. */
export function nextAppIn(folder: string, bundler: Bundler): NextApp {
  const servers = new Set<NextServer>();
  const serve = async (args: string[], env: Env): Promise<NextServer> => {
    const running = run([...args, '-p', '0', '-H', '127.0.0.1'], folder, env);
    const server = await startServer(running, () => servers.delete(server));
    servers.add(server);
    return server;
  };
  return {
    async build(env) {
      const child = run(['build', `--${bundler}`], folder, env);
      const code = await ended(child, BUILD_LIMIT);
      if (code !== 0) {
        throw new Error(`next build --${bundler} ended with ${code}:\n${child.output()}`);
      }
      return child.output();
    },
    start: env => serve(['start'], env),
    dev: env => serve(['dev', `--${bundler}`], env),
    async stop() {
      await Promise.all([...servers].map(server => server.stop()));
    },
  };
}

/** The hidden fields that lead to a server action, in the first form that has one. With `useActionState` there are several. */
function actionFields(html: string): [name: string, value: string][] {
  const form = html.match(/<form\b[\s\S]*?<\/form>/g)?.find(text => text.includes('"$ACTION_')) ?? '';
  const fields = form.matchAll(/<input type="hidden" name="(\$ACTION_[^"]+)"(?: value="([^"]*)")?/g);
  return Array.from(fields, ([, name = '', value = '']) => [name, value.replaceAll('&quot;', '"')]);
}

async function startServer(running: Running, onStop: () => void): Promise<NextServer> {
  const end = Date.now() + START_LIMIT;
  const read = (): string | undefined =>
    /Ready in/.test(running.output()) ? /Local:\s+(http:\S+)/.exec(running.output())?.[1] : undefined;
  let address: string | undefined;
  while ((address = read()) === undefined) {
    if (running.process.exitCode !== null || Date.now() > end) {
      killGroup(running.pid, 'SIGKILL');
      throw new Error(`The server did not start:\n${running.output()}`);
    }
    await sleep(50);
  }
  const base = address;
  const request = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    try {
      const response = await fetch(base + path, { ...init, signal: AbortSignal.timeout(REQUEST_LIMIT) });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      const { message, cause } = error as Error;
      return { status: 0, text: `${message} ${cause instanceof Error ? cause.message : ''}` };
    }
  };
  return {
    address: base,
    get: path => request(path),
    async submit(page, fields) {
      const { status, text } = await request(page);
      const action = actionFields(text);
      if (action.length === 0) {
        return { status, text: `no form on the page: ${text}` };
      }
      const body = new FormData();
      for (const [name, value] of action) {
        body.set(name, value);
      }
      for (const [name, value] of Object.entries(fields)) {
        body.set(name, value);
      }
      return request(page, { method: 'POST', body });
    },
    handles: file => handlesOf(running.pid, file),
    log: running.output,
    async stop() {
      onStop();
      const exit = ended(running, 10_000);
      killGroup(running.pid, 'SIGTERM');
      await exit;
      killGroup(running.pid, 'SIGKILL');
    },
  };
}
