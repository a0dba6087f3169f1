import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';

/** How this project ends its imports: as the index does already, else as its tsconfig lets it. */
export async function importExtension(index: string | undefined, file: string): Promise<string> {
  const written = index && /from (['"])\.\/.*?(\.[jt]s)?\1/.exec(index);
  if (written) {
    return written[2] ?? '';
  }
  const tsconfig = await readTsconfig(file);
  // what comes first is nearest
  const option = (name: string): string | undefined =>
    new RegExp(`"${name}"\\s*:\\s*"?(\\w+)`).exec(tsconfig)?.[1]?.toLowerCase();
  if (option('allowImportingTsExtensions') === 'true' || option('rewriteRelativeImportExtensions') === 'true') {
    return '.ts';
  }
  return (option('moduleResolution') ?? option('module')?.replace('preserve', 'bundler')) === 'bundler' ? '' : '.js';
}

/**
 * The text of a tsconfig without comments, then of the first one that it extends, and so on; where these say nothing of
 * modules, of those that it refers to: Nuxt's has nothing else.
 */
async function readTsconfig(file: string, depth = 0): Promise<string> {
  const source = await readFile(file, 'utf8').catch(() => '');
  const own = source.replace(/("(?:[^"\\]|\\.)*")|\/\/.*|\/\*[^]*?\*\//g, '$1');
  if (depth === 5) {
    return own;
  }
  const [, extended] = /"extends"\s*:\s*\[?\s*"([^"]+)"/.exec(own) ?? [];
  const base = extended === undefined ? undefined : await findExtended(dirname(file), extended);
  const text = base === undefined ? own : own + (await readTsconfig(base, depth + 1));
  if (/"module(Resolution)?"|"(allowImporting|rewriteRelativeImport)\w+"/.test(text)) {
    return text;
  }
  const [, references = ''] = /"references"\s*:\s*\[([^\]]*)\]/.exec(own) ?? [];
  const referred = Array.from(references.matchAll(/"path"\s*:\s*"([^"]+)"/g), async ([, path]) => {
    const target = resolve(dirname(file), path!);
    return readTsconfig(target.endsWith('.json') ? target : join(target, 'tsconfig.json'), depth + 1);
  });
  return text + (await Promise.all(referred)).join('');
}

/** The file behind `extends`: of the project, or of a package (`astro/tsconfigs/strict`; SvelteKit writes `$app/tsconfig`). */
async function findExtended(folder: string, extended: string): Promise<string | undefined> {
  const isPath = /^\.{1,2}(\/|$)/.test(extended) || isAbsolute(extended);
  for (let at = folder, last = ''; at !== last; last = at, at = dirname(at)) {
    const path = isPath ? resolve(at, extended) : join(at, 'node_modules', extended);
    for (const candidate of [path, `${path}.json`, join(path, 'tsconfig.json')]) {
      if ((await stat(candidate).catch(() => undefined))?.isFile()) {
        return candidate;
      }
    }
    if (isPath) {
      return undefined;
    }
  }
  return undefined;
}
