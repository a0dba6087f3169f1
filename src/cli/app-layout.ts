import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { importExtension } from '../migrations/write-index.js';
import { findDriver, type Dependencies, type Driver } from './app-files.js';
import type { Framework } from './frameworks.js';

/** Where things are in an app, or will be. Files are absolute. */
export interface AppLayout {
  readonly app: string;
  readonly dependencies: Dependencies;
  readonly driver: Driver;
  /** How files end that are written: `js` in an app for a bundler that has no TypeScript. */
  readonly language: 'ts' | 'js';
  /** How relative imports end that MikroORM's command line follows: `.ts`, `.js`, or nothing. */
  readonly extension: string;
  readonly adapter: string;
  /** An adapter that is there already, elsewhere. */
  readonly otherAdapter: string | undefined;
  readonly config: string;
  /** Folders, each with an index. */
  readonly entities: string;
  readonly migrations: string;
  readonly instrumentation: string | undefined;
}

/** Reads an app. What it has already is found in its sources, in its folder and in `src`. */
export async function readLayout(framework: Framework, app: string, to: string | undefined): Promise<AppLayout> {
  const dependencies = await readDependencies(app);
  const base = join(app, framework.base(app));
  const find = (...names: string[]): string | undefined =>
    [base, app, join(app, 'src')].flatMap(folder => names.map(name => join(folder, name))).find(existsSync);
  const tsconfig = join(app, 'tsconfig.json');
  const hasTsconfig = existsSync(tsconfig);
  const sources = await findSources(app);
  const isTypeScript = hasTsconfig || 'typescript' in dependencies || sources.some(file => /\.[cm]?tsx?$/.test(file));
  // a server that no bundler builds is run by Node.js, which strips types
  const language = isTypeScript || !framework.bundled ? 'ts' : 'js';
  const named = (file: string): string => file.replace(/ts$/, language);
  const extension = hasTsconfig
    ? importExtension(undefined, tsconfig)
    : language === 'ts' && framework.bundled
      ? ''
      : `.${language}`;
  const wanted = to === undefined ? join(base, named(framework.adapter.file)) : resolve(app, to);
  const others = (await findAdapters(sources)).filter(file => file !== wanted);
  const { instrumentation } = framework;
  return {
    app,
    dependencies,
    driver: findDriver(dependencies),
    language,
    // a bundler needs no .js, and may not find the .ts behind it
    extension: language === 'ts' && framework.bundled && extension === '.js' ? '' : extension,
    adapter: to === undefined && !existsSync(wanted) ? (others[0] ?? wanted) : wanted,
    otherAdapter: to === undefined ? undefined : others[0],
    config:
      find('mikro-orm.config.ts', 'mikro-orm.config.js', 'mikro-orm.config.mjs') ??
      join(base, `mikro-orm.config.${language}`),
    entities: find('lib/entities', 'entities') ?? join(base, framework.entities),
    migrations: find('migrations') ?? join(base, 'migrations'),
    instrumentation: instrumentation && join(base, named(instrumentation.file)),
  };
}

/** The source files of an app. */
async function findSources(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async entry => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        return /^(?:node_modules|dist|build|out|\..*)$/.test(entry.name) ? [] : findSources(path);
      }
      return /(?<!\.d|\.test|\.spec)\.[cm]?[jt]sx?$/.test(entry.name) ? [path] : [];
    }),
  );
  return found.flat().sort();
}

/** The files that make an ORM of this package: a second one would have units of work of its own. */
async function findAdapters(sources: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    sources.map(async file => {
      const text = (await read(file)) ?? '';
      return /\bcreateOrmSingleton\(/.test(text) && /from\s+['"]mikro-orm-web['"]/.test(text) ? [file] : [];
    }),
  );
  return found.flat();
}

/** How `from` imports `file`: with this extension in place of `.ts`. */
export function moduleOf(from: string, file: string, extension: string): string {
  const path = relative(dirname(from), file).split(sep).join('/');
  return (/^\.{1,2}\//.test(path) ? path : `./${path}`).replace(/\.[jt]s$/, extension);
}

/** The text of a file, if there is one. */
export function read(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}

async function readDependencies(app: string): Promise<Dependencies> {
  const text = await read(join(app, 'package.json'));
  if (text === undefined) {
    throw new Error(`There is no package.json in ${app}. Run this in the folder of the app.`);
  }
  const { dependencies, devDependencies } = JSON.parse(text) as Record<string, Dependencies | undefined>;
  return { ...devDependencies, ...dependencies };
}
