import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { AnyOrm } from '../orm-source.js';
import { warn } from '../util/warn.js';

const MARK = '// Written by mikro-orm-web: migration:create keeps this list up to date.';

/** Writes the index, or warns where that is not possible. */
export async function writeMigrationIndex(config: AnyOrm['config'], path: string, emit: string): Promise<void> {
  const baseDir = config.get('baseDir');
  const folder = resolve(baseDir, path);
  const index = join(folder, `index.${emit}`);
  const before = await read(index);
  const names = (await readdir(folder)).filter(
    file => file.endsWith(`.${emit}`) && !/^index\.|\.d\.[cm]?ts$/.test(file),
  );
  const extension = emit === 'ts' ? await importExtension(before, join(baseDir, 'tsconfig.json')) : `.${emit}`;
  const lines: string[] = [];
  for (const file of names.sort()) {
    const exported = exportedClass((await read(join(folder, file))) ?? '');
    if (exported) {
      const module = `'./${file.slice(0, -emit.length - 1)}${extension}'`;
      // MikroORM's generator for JavaScript writes CommonJS
      lines.push(
        emit === 'ts'
          ? `export { ${exported} } from ${module};`
          : `exports.${exported} = require(${module}).${exported};`,
      );
    }
  }
  const text = `${MARK}\n${lines.join('\n')}\n`;
  if (before?.replace(/export \{\};?/, '').trim() && !before.startsWith(MARK)) {
    warn(
      config,
      `${index} was not written by mikro-orm-web, and is left alone. Add the line for the new migration yourself, or delete the file to have it written: ${lines.at(-1) ?? ''}`,
    );
    return;
  }
  await writeFile(index, text);
}

function exportedClass(source: string): string | undefined {
  return (/export class ([\w$]+)/.exec(source) ?? /exports\.([\w$]+) = \1/.exec(source))?.[1];
}

/** How this project writes imports: as the index did before, else as its tsconfig lets it. */
async function importExtension(index: string | undefined, file: string): Promise<string> {
  const written = index && /from '[^']*?(\.[jt]s)?';/.exec(index);
  if (written) {
    return written[1] ?? '';
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

/** The text of a tsconfig and of the first file of the project that it extends, and so on, without comments. */
async function readTsconfig(file: string, depth = 0): Promise<string> {
  const text = ((await read(file)) ?? '').replace(/("(?:[^"\\]|\\.)*")|\/\/.*|\/\*[^]*?\*\//g, '$1');
  const [, base] = /"extends"\s*:\s*\[?\s*"(\.[^"]*)"/.exec(text) ?? [];
  return base && depth < 5
    ? text + (await readTsconfig(resolve(dirname(file), base.replace(/(\.json)?$/, '.json')), depth + 1))
    : text;
}

function read(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
