import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { importExtension } from '../migrations/write-index.js';
import { findDriver, type Dependencies, type Driver } from './app-files.js';
import { findAdapters } from './find-adapters.js';
import type { Framework } from './frameworks.js';

/** Where things are in an app, or will be. Files are absolute. */
export interface AppLayout {
  readonly app: string;
  readonly dependencies: Dependencies;
  readonly driver: Driver;
  readonly hasTsconfig: boolean;
  /** How relative imports end that MikroORM's command line follows: `.ts`, `.js`, or nothing. */
  readonly extension: string;
  readonly adapter: string;
  /** Files that may be the adapter, where `adapter` is none of them. */
  readonly otherAdapters: readonly string[];
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
  // without tsconfig.json nothing forbids .ts, with which Node.js finds them, too
  const extension = hasTsconfig ? importExtension(undefined, tsconfig) : '.ts';
  const wanted = to === undefined ? join(base, framework.adapter.file) : resolve(app, to);
  const adapters = await findAdapters(app);
  // what lies in the usual place is the adapter, and so is the only other one; several leave it to the user
  const isSettled = adapters.includes(wanted) || (to === undefined && existsSync(wanted));
  const isElsewhere = !isSettled && to === undefined && adapters.length === 1;
  const { instrumentation } = framework;
  return {
    app,
    dependencies,
    driver: findDriver(dependencies),
    hasTsconfig,
    // a bundler needs no .js, and may not find the .ts behind it
    extension: framework.bundled && extension === '.js' ? '' : extension,
    adapter: isElsewhere ? adapters[0]! : wanted,
    otherAdapters: isSettled || isElsewhere ? [] : adapters,
    config:
      find('mikro-orm.config.ts', 'mikro-orm.config.js', 'mikro-orm.config.mjs') ?? join(base, 'mikro-orm.config.ts'),
    entities: find('lib/entities', 'entities') ?? join(base, framework.entities),
    migrations: find('migrations') ?? join(base, 'migrations'),
    instrumentation: instrumentation && join(base, instrumentation.file),
  };
}

/** How `from` imports `file`: with this extension in place of `.ts`. */
export function moduleOf(from: string, file: string, extension: string): string {
  const path = relative(dirname(from), file).split(sep).join('/');
  return (/^\.{1,2}\//.test(path) ? path : `./${path}`).replace(/\.ts$/, extension);
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
