// npm start: bundles the worker as wrangler does, migrates D1 and runs all of it in workerd, with nothing else installed.
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { MikroORM } from '@mikro-orm/postgresql';
import { createEdgeOrm, d1, migrateEdge } from 'mikro-orm-web/edge';
import { Miniflare } from 'miniflare';
import { config } from './src/config.ts';
import { visitsConfig } from './src/visits-config.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const port = Number(process.env['PORT'] ?? 8787);
/** Where the databases are kept; `memory:` keeps nothing. */
const data = process.env['DATA'] ?? here('.data');
/** PostgreSQL for /api/visits: postgres://user:password@localhost:5432/database */
const databaseUrl = process.env['DATABASE_URL'];

/** Packages of CommonJS (pg) require Node.js modules; a worker imports them by `node:`. */
const nodeModules: Plugin = {
  name: 'node-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      const name = path.startsWith('node:') ? path : `node:${path}`;
      return kind === 'require-call' ? { path: name, namespace: 'required' } : { path: name, external: true };
    });
    onLoad({ filter: /^/, namespace: 'required' }, ({ path }) => ({
      contents: `import all from '${path}'; module.exports = all;`,
      loader: 'js',
    }));
  },
};

const { outputFiles } = await build({
  entryPoints: [here('src/worker.ts')],
  bundle: true,
  minify: true,
  write: false,
  format: 'esm',
  target: 'es2024',
  conditions: ['workerd', 'worker', 'browser'],
  mainFields: ['browser', 'module', 'main'],
  external: ['cloudflare:*', 'pg-native'],
  plugins: [nodeModules],
  logLevel: 'error',
});

const miniflare = new Miniflare({
  modules: [{ type: 'ESModule', path: 'worker.js', contents: outputFiles[0]!.text }],
  compatibilityDate: '2026-07-01',
  compatibilityFlags: ['nodejs_compat'],
  host: '127.0.0.1',
  port,
  d1Databases: { DB: 'articles' },
  d1Persist: data === 'memory:' ? false : `${data}/d1`,
  durableObjects: { GUESTBOOK: { className: 'Guestbook', useSQLite: true } },
  durableObjectsPersist: data === 'memory:' ? false : `${data}/objects`,
  ...(databaseUrl && { hyperdrives: { HYPERDRIVE: databaseUrl } }),
});

// the deploy step: `npx mikro-orm-web migrate` in production
await migrateEdge(createEdgeOrm(config, d1(await miniflare.getD1Database('DB'))));
if (databaseUrl) {
  const orm = new MikroORM({ ...visitsConfig, clientUrl: databaseUrl, dbName: new URL(databaseUrl).pathname.slice(1) });
  await orm.schema.update();
  await orm.close();
}

console.log(`Ready on ${(await miniflare.ready).origin}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void miniflare.dispose().then(() => process.exit()));
}
