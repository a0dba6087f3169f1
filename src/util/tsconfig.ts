// A bundle for workerd has this file, too: see write-index.ts.
const { existsSync, readFileSync, statSync } = process.getBuiltinModule('node:fs');
const { createRequire } = process.getBuiltinModule('node:module');
const { dirname, resolve } = process.getBuiltinModule('node:path');

/** Options of TypeScript's compiler, as a tsconfig.json has them. */
export interface CompilerOptions {
  readonly [name: string]: unknown;
  readonly paths?: Readonly<Record<string, readonly string[]>>;
  readonly baseUrl?: string;
}

/** What a project tells TypeScript's compiler. */
export interface Tsconfig {
  readonly options: CompilerOptions;
  /** The folder that `paths` are relative to. */
  readonly folder: string;
}

interface TsconfigFile {
  readonly compilerOptions?: CompilerOptions;
  readonly extends?: string | readonly string[];
  readonly references?: readonly { readonly path: string }[];
}

/** The compiler options of a tsconfig.json, with those that it extends, from packages, too. None where there is no such file. */
export function readTsconfig(file: string): Tsconfig {
  const parts = isFile(file) ? readParts(file) : [];
  const based = parts.find(({ options }) => options.baseUrl);
  const named = parts.find(({ options }) => options.paths) ?? based;
  return {
    options: Object.assign({}, ...parts.map(({ options }) => options).reverse()) as CompilerOptions,
    folder: based ? resolve(based.folder, based.options.baseUrl!) : (named?.folder ?? dirname(file)),
  };
}

/** A file and what it extends, the nearest first. */
function readParts(file: string, depth = 0): Tsconfig[] {
  const { compilerOptions: options, extends: bases = [], references = [] } = parse(file);
  // a file that has nothing of its own but projects, as Nuxt writes it, means what they say
  const others =
    options === undefined && bases.length === 0 ? references.slice(0, 1).map(({ path }) => path) : [bases].flat();
  const found = depth < 5 ? others.toReversed().map(name => find(name, file)) : [];
  return [
    { options: options ?? {}, folder: dirname(file) },
    ...found.flatMap(other => (other === undefined ? [] : readParts(other, depth + 1))),
  ];
}

/** The file that another one extends: a path, a folder with a tsconfig.json, or a file of a package. */
function find(name: string, from: string): string | undefined {
  if (/^(?:\.|\/)/.test(name)) {
    const path = resolve(dirname(from), name);
    return [path, `${path}.json`, resolve(path, 'tsconfig.json')].find(isFile);
  }
  const require = createRequire(from);
  for (const path of [name, `${name}.json`, `${name}/tsconfig.json`]) {
    try {
      return require.resolve(path);
    } catch {
      // the next form
    }
  }
  return undefined;
}

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

/** A tsconfig.json may have comments, and a comma after the last item. One that cannot be read says nothing. */
function parse(file: string): TsconfigFile {
  const text = readFileSync(file, 'utf8')
    .replace(/("(?:[^"\\]|\\.)*")|\/\/.*|\/\*[^]*?\*\//g, '$1')
    .replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, '$1');
  try {
    return JSON.parse(text) as TsconfigFile;
  } catch {
    return {};
  }
}
