import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** How a source leads to a package. */
export interface ImportPath {
  /** The package's specifier, as it is imported. */
  readonly specifier: string;
  /** The files on the way, from the first one to the one that imports the package. */
  readonly files: readonly string[];
}

/** The text of a source without comments; strings stay. */
export function readSource(file: string): string {
  return stripComments(readFileSync(file, 'utf8'));
}

/** Follows the imports of a file through the app's sources; the first way to a package that `isWanted`. Types lead nowhere. */
export function findImport(
  file: string,
  app: string,
  isWanted: (specifier: string) => boolean,
): ImportPath | undefined {
  const aliases = readAliases(app);
  const seen = new Set<string>();
  const queue: string[][] = [[file]];
  for (let files = queue.shift(); files; files = queue.shift()) {
    const from = files.at(-1)!;
    if (!seen.has(from)) {
      seen.add(from);
      const specifiers = importsOf(readSource(from));
      const specifier = specifiers.find(isWanted);
      if (specifier !== undefined) {
        return { specifier, files };
      }
      for (const target of specifiers.map(item => resolveSource(item, from, aliases))) {
        if (target !== undefined) {
          queue.push([...files, target]);
        }
      }
    }
  }
  return undefined;
}

const IMPORT =
  /\b(?:import|export)\s+(?!type\b)(?:[\w$*{},\s]+?\s+from\s*)?(['"])([^'"\n]+)\1|\b(?:import|require)\s*\(\s*(['"])([^'"\n]+)\3\s*[,)]/g;

function importsOf(source: string): string[] {
  return [...source.matchAll(IMPORT)].map(([, , first, , later]) => (first ?? later)!);
}

/** Quoted text is kept, so that `'//'` is no comment. */
function stripComments(text: string): string {
  return text.replace(/('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)|\/\/[^\n]*|\/\*[^]*?\*\//g, '$1');
}

interface Alias {
  readonly prefix: string;
  readonly suffix: string;
  readonly targets: readonly string[];
}

/** `paths` of the app's tsconfig.json or jsconfig.json. */
function readAliases(app: string): Alias[] {
  const file = ['tsconfig.json', 'jsconfig.json'].map(name => join(app, name)).find(existsSync);
  if (file === undefined) {
    return [];
  }
  try {
    const text = readSource(file).replace(/,(\s*[}\]])/g, '$1');
    const { compilerOptions = {} } = JSON.parse(text) as {
      compilerOptions?: { baseUrl?: string; paths?: Record<string, string[]> };
    };
    const base = join(app, compilerOptions.baseUrl ?? '.');
    return Object.entries(compilerOptions.paths ?? {}).map(([pattern, targets]) => {
      const [prefix = '', suffix = ''] = pattern.split('*');
      return { prefix, suffix, targets: targets.map(target => resolve(base, target)) };
    });
  } catch {
    return [];
  }
}

function resolveSource(specifier: string, from: string, aliases: readonly Alias[]): string | undefined {
  if (/^\.{1,2}(?:\/|$)/.test(specifier)) {
    return findFile(resolve(dirname(from), specifier));
  }
  const fitting = aliases.filter(({ prefix, suffix }) => specifier.startsWith(prefix) && specifier.endsWith(suffix));
  for (const { prefix, suffix, targets } of fitting) {
    const rest = specifier.slice(prefix.length, specifier.length - suffix.length);
    const found = targets.map(target => findFile(target.replace('*', () => rest))).find(file => file !== undefined);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

export const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'];

function findFile(path: string): string | undefined {
  const bare = path.replace(/\.[cm]?jsx?$/, '');
  return [
    path,
    ...EXTENSIONS.map(extension => path + extension),
    ...EXTENSIONS.map(extension => bare + extension),
    ...EXTENSIONS.map(extension => join(path, `index${extension}`)),
  ].find(file => EXTENSIONS.some(extension => file.endsWith(extension)) && isFile(file));
}

export const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
