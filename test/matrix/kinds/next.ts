import assert from 'node:assert/strict';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEPENDENCIES } from '../support/app.ts';
import type { Bench } from '../support/bench.ts';
import type { Cell } from '../support/cell.ts';
import { repository } from '../support/library.ts';
import { AppServer, freePort, run, type Env } from '../../frameworks/support/server.ts';

type Bundler = 'turbopack' | 'webpack';

/** A build of the example. */
interface Build {
  /** As npm is asked for it. */
  readonly version: string;
  readonly bundler: Bundler;
  readonly cacheComponents?: boolean;
  readonly standalone?: boolean;
  /** Default: the example's. */
  readonly typescript?: string;
}

const example = join(repository, 'examples/nextjs');
const LEFTOVERS = /\/(?:node_modules|\.next[^/]*|app\.db[^/]*|next\.config\.ts)$/;

/** What the registry has under this tag; where it has no tags of its own, the newest prerelease. */
async function resolveVersion(bench: Bench, version: string): Promise<string> {
  if (version !== 'canary') {
    return version;
  }
  const view = async (field: string): Promise<string> =>
    (await bench.exec(['npm', 'view', 'next', field, '--json'], { cwd: bench.folder })).trim();
  const tagged = await view('dist-tags.canary');
  const versions = tagged === '' ? (JSON.parse(await view('versions')) as string[]) : [];
  return tagged === '' ? versions.filter(one => one.includes('-canary.')).at(-1)! : (JSON.parse(tagged) as string);
}

async function install(bench: Bench, { version, cacheComponents, standalone, typescript }: Build): Promise<void> {
  const app = bench.path('app');
  await cp(example, app, { recursive: true, filter: path => !LEFTOVERS.test(path) });
  await cp(await bench.library(), join(app, 'mikro-orm-web.tgz'));
  const manifest = JSON.parse(await readFile(join(example, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  const { 'mikro-orm-web': library } = DEPENDENCIES;
  const next = await resolveVersion(bench, version);
  await bench.write('app/package.json', {
    ...manifest,
    dependencies: { ...manifest.dependencies, 'mikro-orm-web': library, next },
    devDependencies: { ...manifest.devDependencies, ...(typescript && { typescript }) },
  });
  await bench.write(
    'app/next.config.ts',
    `export default ${JSON.stringify({
      ...(cacheComponents && { cacheComponents, partialPrefetching: true, env: { CACHE_COMPONENTS: '1' } }),
      ...(standalone && { output: 'standalone' }),
      outputFileTracingRoot: app,
      turbopack: { root: app },
    })};\n`,
  );
  await bench.npmInstall('app');
  await bench.findVersions('app', 'next', 'react', 'typescript', '@mikro-orm/core');
}

async function build(bench: Bench, { bundler, cacheComponents }: Build): Promise<void> {
  const major = Number(bench.found.get('next')!.split('.')[0]);
  // Next.js 15 has no flag for webpack
  const flags = major < 16 && bundler === 'webpack' ? [] : [`--${bundler}`];
  await bench.exec([process.execPath, 'node_modules/next/dist/bin/next', 'build', ...flags], {
    env: { NEXT_TELEMETRY_DISABLED: '1', ...(cacheComponents && { CACHE_COMPONENTS: '1' }) },
  });
}

/** Where to run it, and what: the standalone output away from the packages of the app. */
async function serverCommand(bench: Bench, { standalone }: Build, port: string): Promise<[string, string[]]> {
  if (!standalone) {
    return [bench.path('app'), ['node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1', '-p', port]];
  }
  const served = bench.path('served');
  await cp(bench.path('app/.next/standalone'), served, { recursive: true, verbatimSymlinks: true });
  await cp(bench.path('app/.next/static'), join(served, '.next/static'), { recursive: true });
  return [served, ['server.js']];
}

/** Asks for pages and for the API, as its clients do; then SIGTERM. */
async function drive(bench: Bench, build: Build): Promise<void> {
  const port = await freePort();
  const [folder, command] = await serverCommand(bench, build, String(port));
  const env: Env = {
    PORT: String(port),
    HOSTNAME: '127.0.0.1',
    NODE_ENV: 'production',
    DATABASE_FILE: bench.path('app.db'),
    ...(build.cacheComponents && { CACHE_COMPONENTS: '1' }),
  };
  const running = run([process.execPath, ...command], folder, env);
  const server = new AppServer(port, running);
  try {
    await server.listening(120_000);
    await useApi(`http://127.0.0.1:${port}`);
    for (const path of ['/', '/articles', '/users']) {
      const { status, text } = await server.get(path);
      assert.equal(status, 200, `${path}: ${text}`);
      assert.match(text, path === '/users' ? /Ann Lee/ : /Notebook/);
    }
    running.signal('SIGTERM');
    const code = await running.ended(30_000);
    assert.ok([0, 143, 'SIGTERM'].includes(code), `SIGTERM: ${code}`);
  } catch (error) {
    throw new Error(`The server said:\n${running.output()}`, { cause: error });
  } finally {
    await server.stop();
  }
}

async function useApi(address: string): Promise<void> {
  const ask = async (path: string, body?: object): Promise<{ status: number; body: Record<string, unknown> }> => {
    const init = body && { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(address + path, { ...init, signal: AbortSignal.timeout(60_000) });
    const text = await response.text();
    assert.match(response.headers.get('content-type') ?? '', /json/, text);
    return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
  };
  const user = { fullName: 'Ann Lee', email: 'ann@example.com', password: 'correct horse' };
  assert.deepEqual(await ask('/api/health'), { status: 200, body: { ok: true, database: true, migrations: true } });
  assert.equal((await ask('/api/users', user)).status, 201);
  const again = await ask('/api/users', user);
  assert.deepEqual([again.status, again.body['code']], [409, 'unique-violation']);
  assert.deepEqual(again.body['errors'], [{ path: 'email', message: 'is already taken' }]);
  const missing = await ask('/api/users/999999');
  assert.deepEqual([missing.status, missing.body['code']], [404, 'not-found']);
}

const cell = (name: string, variant: Build): Cell => ({
  name,
  about: `the Next.js example with next@${variant.version}, ${variant.bundler}${variant.cacheComponents ? ', cacheComponents' : ''}${variant.standalone ? ", output: 'standalone'" : ''}: built, and asked`,
  async run(bench) {
    await install(bench, variant);
    await build(bench, variant);
    await drive(bench, variant);
  },
});

/** Next.js 15 declares no style sheets, and TypeScript 6 wants declarations for what is imported for its effects. */
const NEXT_15 = { version: '~15.5.0', typescript: '5.9' };

export const nextApps: readonly Cell[] = [
  cell('next-15-webpack', { ...NEXT_15, bundler: 'webpack' }),
  cell('next-15-turbopack', { ...NEXT_15, bundler: 'turbopack' }),
  cell('next-16-webpack', { version: '16', bundler: 'webpack' }),
  cell('next-16-turbopack', { version: '16', bundler: 'turbopack' }),
  cell('next-16-cache-components', { version: '16', bundler: 'turbopack', cacheComponents: true }),
  cell('next-16-standalone-webpack', { version: '16', bundler: 'webpack', standalone: true }),
  cell('next-16-standalone-turbopack', { version: '16', bundler: 'turbopack', standalone: true }),
  cell('next-canary-webpack', { version: 'canary', bundler: 'webpack' }),
  cell('next-canary-turbopack', { version: 'canary', bundler: 'turbopack' }),
];
