import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { stripTypes } from '../util/strip-types.js';
import { readTsconfig, type CompilerOptions, type Tsconfig } from '../util/tsconfig.js';

/** The part of the `typescript` package that is used; version 7 may lack it. */
interface TypeScript {
  transpileModule?(source: string, options: { fileName: string; compilerOptions: object }): { outputText: string };
  convertCompilerOptionsFromJson(options: object, folder: string): { options: { target?: number } };
  ScriptTarget: { ES2022: number };
  ModuleKind: { ESNext: number };
}

const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json'];

/**
 * From now on imports of the app find what a bundler finds: `./orm` and `@/lib/orm` in TypeScript. Sources are modules, so
 * that each package is loaded once; a loader that makes `require` of imports loads a second `@mikro-orm/core`.
 */
export function registerTypeScript(app: string): void {
  const tsconfig = readTsconfig(
    ['tsconfig.json', 'jsconfig.json'].map(name => join(app, name)).find(existsSync) ?? app,
  );
  const transpile = transpiler(app, tsconfig.options);
  registerHooks({
    resolve(specifier, context, next) {
      const parent = isOwn(context.parentURL) ? fileURLToPath(context.parentURL!) : undefined;
      const file = parent === undefined ? undefined : candidates(specifier, parent, tsconfig).find(isFile);
      // an import that is complete is left to Node.js
      return file === undefined || file === resolve(dirname(parent!), specifier)
        ? next(specifier, context)
        : { url: pathToFileURL(file).href, shortCircuit: true };
    },
    load(url, context, next) {
      if (!isOwn(url) || !/\.[cm]?tsx?$/.test(url)) {
        return next(url, context);
      }
      if (!transpile && process.features.typescript) {
        return next(url, { ...context, format: 'module-typescript' });
      }
      const file = fileURLToPath(url);
      const code = readFileSync(file, 'utf8');
      return { format: 'module', source: transpile?.(code, file) ?? stripTypes(code), shortCircuit: true };
    },
  });
}

const isOwn = (url: string | undefined): boolean =>
  url !== undefined && url.startsWith('file:') && !url.includes('/node_modules/');

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** The files that an import may mean, the best first. */
function candidates(specifier: string, parent: string, { options, folder }: Tsconfig): string[] {
  const bases = /^\.{0,2}\//.test(specifier)
    ? [resolve(dirname(parent), specifier)]
    : Object.entries(options.paths ?? {}).flatMap(([alias, targets]) => {
        const [start = '', end] = alias.split('*');
        const isMeant =
          end === undefined
            ? specifier === alias
            : specifier.length >= alias.length - 1 && specifier.startsWith(start) && specifier.endsWith(end);
        const rest = specifier.slice(start.length, specifier.length - (end?.length ?? 0));
        return isMeant
          ? targets.map(target =>
              resolve(
                folder,
                target.replace('*', () => rest),
              ),
            )
          : [];
      });
  return bases.flatMap(base => [
    base,
    ...EXTENSIONS.map(extension => base + extension),
    // as TypeScript itself reads it: the .js that will be made of a .ts
    ...(/\.[cm]?js$/.test(base) ? [base.replace(/js$/, 'ts')] : []),
    ...EXTENSIONS.map(extension => join(base, `index${extension}`)),
  ]);
}

/** What makes JavaScript of TypeScript by the app's own `typescript`: it knows decorators and enums, and Node.js does not. */
function transpiler(app: string, given: CompilerOptions): ((source: string, file: string) => string) | undefined {
  const typescript = loadTypeScript(app);
  if (!typescript?.transpileModule) {
    return undefined;
  }
  const { ES2022 } = typescript.ScriptTarget;
  const { options } = typescript.convertCompilerOptionsFromJson(given, app);
  const compilerOptions = {
    useDefineForClassFields: (options.target ?? ES2022) >= ES2022,
    ...options,
    target: Math.max(options.target ?? 0, ES2022),
    module: typescript.ModuleKind.ESNext,
    sourceMap: false,
    declaration: false,
    noEmit: false,
  };
  return (source, fileName) => typescript.transpileModule!(source, { fileName, compilerOptions }).outputText;
}

function loadTypeScript(app: string): TypeScript | undefined {
  try {
    return createRequire(join(app, 'package.json'))('typescript') as TypeScript;
  } catch {
    return undefined;
  }
}
