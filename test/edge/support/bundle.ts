import { isBuiltin } from 'node:module';
import { gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';

/** Packages of CommonJS require Node.js modules, by any name; a worker imports them by `node:`. As wrangler does it. */
const nodeModules: Plugin = {
  name: 'node-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) {
        return undefined;
      }
      const name = path.startsWith('node:') ? path : `node:${path}`;
      return kind === 'require-call' ? { path: name, namespace: 'required' } : { path: name, external: true };
    });
    onLoad({ filter: /^/, namespace: 'required' }, ({ path }) => ({
      contents: `import all from '${path}'; module.exports = all;`,
      loader: 'js',
    }));
  },
};

/** Bundles and minifies a worker as `wrangler deploy --minify` does, class names included. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    external: ['cloudflare:*', 'pg-native'],
    plugins: [nodeModules],
    logLevel: 'silent',
  });
  return outputFiles[0]!.text;
}

/** The size that Cloudflare limits, in KiB. */
export const gzipped = (code: string): number => Math.round(gzipSync(code).length / 1024);
