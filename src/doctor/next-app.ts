import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { error, warning } from './finding.js';
import { readManifest } from './packages.js';
import type { Finding } from './report.js';
import { EXTENSIONS, findImport, isFile, readSource } from './source-imports.js';

/** What in a Next.js app keeps MikroORM from working, as its files tell. */
export function examineNextApp(folder: string): Finding[] {
  const { dependencies, devDependencies } = readManifest(folder) ?? {};
  if (!{ ...devDependencies, ...dependencies }['next']) {
    return [];
  }
  return [...examineEdge(folder), ...examineBundling(folder)];
}

/** The edge runtime has no sockets and no files: there is no database to reach. */
function examineEdge(folder: string): Finding[] {
  return edgeFiles(folder).flatMap(file => {
    const found = findImport(file, folder, isOrm);
    if (!found) {
      return [];
    }
    const isDriver = /^@mikro-orm\/(?!core$)/.test(found.specifier);
    const isMiddleware = basename(file).startsWith('middleware.');
    const name = relative(folder, file);
    const steps = [...found.files.map(item => relative(folder, item)), found.specifier];
    return [
      (isDriver ? error : warning)(
        'edge-runtime',
        `${name} runs in the edge runtime, and imports ${found.specifier}. MikroORM needs Node.js: ${isDriver ? 'drivers cannot be bundled for that runtime' : 'what is called there throws'}.`,
        isMiddleware
          ? "Rename it to proxy.ts (Next.js 16), which runs in Node.js, or set runtime: 'nodejs' in its config (Next.js 15.5); or leave the ORM to pages and route handlers."
          : `Remove runtime = 'edge' from ${name} or its layout, or leave the ORM out.`,
        [steps.join(' → ')],
      ),
    ];
  });
}

const isOrm = (specifier: string): boolean =>
  specifier === 'mikro-orm-web' || (specifier.startsWith('@mikro-orm/') && !specifier.startsWith('@mikro-orm/cli'));

const EDGE = /\bexport\s+const\s+runtime\s*(?::[^=]+)?=\s*['"](?:experimental-)?edge['"]/;
/** Of the pages router, and of middleware. */
const CONFIG = /\bexport\s+const\s+config\s*(?::[^=]+)?=\s*\{[^]*?\bruntime\s*:\s*['"]([\w-]+)['"]/;
const RUNTIME = /\bexport\s+const\s+runtime\s*(?::[^=]+)?=/;

/** Sources that run in the edge runtime: those that say so, and a middleware that does not say otherwise. */
function edgeFiles(folder: string): string[] {
  const roots = [folder, join(folder, 'src')];
  const middleware = roots
    .flatMap(root => EXTENSIONS.map(extension => join(root, `middleware${extension}`)))
    .filter(file => isFile(file) && CONFIG.exec(readSource(file))?.[1] !== 'nodejs');
  const routes = roots.flatMap(root => sourcesIn(join(root, 'app')).filter(file => isEdge(file, join(root, 'app'))));
  const pages = roots
    .flatMap(root => sourcesIn(join(root, 'pages')))
    .filter(file => /^(?:experimental-)?edge$/.test(CONFIG.exec(readSource(file))?.[1] ?? ''));
  return [...middleware, ...routes, ...pages];
}

/** A page has the runtime of its layouts where it has none of its own; a route handler has no layout. */
function isEdge(file: string, app: string): boolean {
  const kind = basename(file).replace(/\.\w+$/, '');
  if (!['page', 'layout', 'route'].includes(kind)) {
    return false;
  }
  const source = readSource(file);
  if (RUNTIME.test(source) || kind !== 'page') {
    return EDGE.test(source);
  }
  for (let place = dirname(file); place.startsWith(app); place = dirname(place)) {
    const layout = EXTENSIONS.map(extension => join(place, `layout${extension}`)).find(isFile);
    const text = layout === undefined ? '' : readSource(layout);
    if (RUNTIME.test(text)) {
      return EDGE.test(text);
    }
  }
  return false;
}

function sourcesIn(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    return [];
  }
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => EXTENSIONS.some(extension => name.endsWith(extension)) && !name.includes('node_modules'))
    .map(name => join(folder, name))
    .filter(isFile);
}

/** Next.js leaves the core out of its bundles, and takes the drivers and this package into them. */
function examineBundling(folder: string): Finding[] {
  const file = ['ts', 'mts', 'js', 'mjs', 'cjs']
    .map(extension => join(folder, `next.config.${extension}`))
    .find(isFile);
  if (file === undefined) {
    return [];
  }
  const source = readSource(file);
  const name = basename(file);
  const listed = (setting: string): string[] =>
    [...source.matchAll(new RegExp(`\\b${setting}\\s*:\\s*\\[([^\\]]*)\\]`, 'g'))].flatMap(([, list]) =>
      [...list!.matchAll(/(['"`])([^'"`]+)\1/g)].map(([, , item]) => item!),
    );
  const bundledCore = listed('transpilePackages').filter(item => item === '@mikro-orm/core');
  const isStandalone = /\boutput\s*:\s*['"`]standalone['"`]/.test(source);
  const external = [...listed('serverExternalPackages'), ...listed('serverComponentsExternalPackages')].filter(
    item => isStandalone && (item === 'mikro-orm-web' || /^@mikro-orm\/(?!core$)/.test(item)),
  );
  return [
    ...(bundledCore.length > 0
      ? [
          error(
            'next-bundling',
            `${name} has @mikro-orm/core in transpilePackages, so that each module graph (pages, route handlers, instrumentation, proxy) gets a copy of its own. Contexts and transactions of one are unknown to the other.`,
            'Remove it from transpilePackages. Next.js leaves it out of the bundles by itself.',
          ),
        ]
      : []),
    ...(external.length > 0
      ? [
          warning(
            'next-bundling',
            `${name} has ${external.join(', ')} in serverExternalPackages, and standalone output. Where that output follows links (workspaces, pnpm), a package outside of the bundle finds a copy of the core of its own, and instanceof fails between the two.`,
            `Remove ${external.join(', ')} from serverExternalPackages. Nothing of MikroORM needs to be listed.`,
          ),
        ]
      : []),
  ];
}
