import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The folders of tools, and of tests, which make ORMs of their own. */
const PASSED_OVER = /^(?:node_modules|dist|build|out|tests?|__tests__|e2e|\..*)$/;
const SOURCE = /(?<!\.d|\.test|\.spec)\.[cm]?[jt]sx?$/;

/** A string, which is kept, or else a comment or a template, in which code is no code. */
const NO_CODE = /('|")(?:\\.|(?!\1)[^\\\n])*\1|`(?:\\[^]|[^\\`])*`|\/\/.*|\/\*[^]*?\*\//g;

/** The names under which a module exports ORMs of this package: a second one would have units of work of its own. */
function exportedOrms(text: string): string[] {
  const code = text.replace(NO_CODE, (match, quote: string | undefined) => (quote ? match : ' '));
  if (!/\bfrom\s+['"]mikro-orm-web['"]/.test(code)) return [];
  const made = [...code.matchAll(/(\bexport\s+)?\bconst\s+(\w+)(?:\s*:[^=;]+)?\s*=\s*createOrmSingleton\b/g)];
  const listed = [...code.matchAll(/\bexport\s*\{([^}]*)\}|\bexport\s+default\s+(\w+)/g)];
  const names = listed.flatMap(([, list, name]) => [name ?? '', ...(list ?? '').split(',')].map(one => one.trim()));
  const exported = (name: string): string[] =>
    names.flatMap(one => (one === name ? [name] : one.startsWith(`${name} as `) ? [one.slice(name.length + 4)] : []));
  return [
    ...made.flatMap(([, isExported, name = '']) => (isExported ? [name] : exported(name))),
    ...(/\bexport\s+default\s+createOrmSingleton\b/.test(code) ? ['default'] : []),
  ];
}

/**
 * The files of an app that may be its adapter: they export an ORM of this package. Where some of them call it `orm`, as all
 * adapters do, only those. Tests, comments and ORMs that no module exports do not count.
 */
export async function findAdapters(app: string): Promise<string[]> {
  const found = await Promise.all(
    (await findSources(app)).map(async file => ({ file, orms: exportedOrms(await readFile(file, 'utf8')) })),
  );
  const adapters = found.filter(({ orms }) => orms.length > 0);
  const usual = adapters.filter(({ orms }) => orms.includes('orm'));
  return (usual.length > 0 ? usual : adapters).map(({ file }) => file);
}

async function findSources(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async entry => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        return PASSED_OVER.test(entry.name) ? [] : findSources(path);
      }
      return SOURCE.test(entry.name) ? [path] : [];
    }),
  );
  return found.flat().sort();
}
