import type { AnyOrm } from '../orm-source.js';
import { readTsconfig } from '../util/tsconfig.js';
import { warn } from '../util/warn.js';
import { exportedMigrations, mentionsMigration, type ExportedMigration } from './exported-migrations.js';

// A bundle for workerd has this file, too, and static imports of what workerd may lack would stop it from loading.
const { existsSync } = process.getBuiltinModule('node:fs');
const { readdir, readFile, realpath, rename, rm, writeFile } = process.getBuiltinModule('node:fs/promises');
const { basename, dirname, join, resolve } = process.getBuiltinModule('node:path');

const MARK = '// Written by mikro-orm-web: migration:create keeps this list up to date.';

/**
 * Writes the index of the migrations in a folder, and never drops what is listed and still there: a line that it cannot
 * write anew stays. Warns of what it cannot list, and of an index that it did not write, which it leaves alone.
 */
export async function writeMigrationIndex(config: AnyOrm['config'], path: string, emit: string): Promise<void> {
  const baseDir = config.get('baseDir');
  const { index, unclear, foreign } = await updateIndex({ baseDir, folder: resolve(baseDir, path), emit });
  if (foreign) {
    const empty = emit === 'ts' ? 'write `export {};` in its place' : 'empty it';
    warn(
      config,
      `${index} was not written by mikro-orm-web, and is left alone. Add the line for the new migration yourself, or ${empty} and the next migration:create lists all of the folder: ${foreign.at(-1) ?? ''}`,
    );
  } else if (unclear.length > 0) {
    warn(config, `It is not clear which migration ${unclear.join(', ')} exports: add the line to ${index} yourself.`);
  }
}

/** What became of an index. */
export interface IndexUpdate {
  readonly index: string;
  /** The names that it lists now. */
  readonly names: readonly string[];
  /** Lines that it did not have. */
  readonly added: readonly string[];
  /** Files that may hold a migration, and do not tell which. */
  readonly unclear: readonly string[];
  /** The lines for the folder, where the index was written by hand. */
  readonly foreign: readonly string[] | undefined;
}

/**
 * Updates the index of a folder. One that was written by hand is left alone, or, with `append`, gets lines for the migrations
 * that it does not mention, below its own.
 */
export async function updateIndex({
  baseDir,
  folder,
  emit,
  append = false,
}: {
  baseDir: string;
  folder: string;
  emit: string;
  append?: boolean;
}): Promise<IndexUpdate> {
  const index = join(folder, `index.${emit}`);
  const before = await read(index);
  const entries = await readdir(folder);
  const files = entries.filter(file => file.endsWith(`.${emit}`) && !/^index\.|\.d\.[cm]?ts$/.test(file));
  const extension = emit === 'ts' ? importExtension(before, join(baseDir, 'tsconfig.json')) : `.${emit}`;
  const listed = readIndex(before ?? '');
  // of other folders, and of files that are written in another language
  const lines = listed.filter(({ module }) => isElsewhere(module, entries, files)).map(({ text }) => text);
  const foreign: string[] = [];
  const unclear: string[] = [];
  for (const file of files.sort()) {
    const name = file.slice(0, -emit.length - 1);
    const source = (await read(join(folder, file))) ?? '';
    const old = listed.filter(({ module }) => [`./${name}`, `./${name}.js`, `./${file}`].includes(module));
    const exported = exportedMigrations(source, name, new Set(old.flatMap(({ names }) => names)));
    if (exported.length > 0 && !exported.every(({ name: own }) => mentions(before, own))) {
      foreign.push(...writeLines(exported, quote(`./${name}${extension}`), emit));
    }
    if (exported.length > 0) {
      lines.push(...writeLines(exported, quote(`./${name}${extension}`), emit));
    } else if (old.length > 0) {
      lines.push(...old.map(({ text }) => text));
    } else if (mentionsMigration(source, name)) {
      unclear.push(file);
    }
  }
  const isForeign = !!before?.replace(/export \{\};?/, '').trim() && !before.startsWith(MARK);
  const listedBefore = new Set(listed.map(({ text }) => text));
  const text = isForeign
    ? `${(before ?? '').trimEnd()}\n${foreign.map(line => `${line}\n`).join('')}`
    : `${MARK}\n${lines.join('\n')}\n`;
  const isWritten = text !== before && (isForeign ? append && foreign.length > 0 : true);
  if (isWritten) {
    await replaceFile(index, text);
  }
  return {
    index,
    names: readIndex(isWritten ? text : (before ?? '')).flatMap(({ names }) => names),
    added: (isForeign ? (append ? foreign : []) : lines).filter(line => !listedBefore.has(line)),
    unclear,
    foreign: isForeign ? lines : undefined,
  };
}

/** Whether a listed module is there, and not one of the files that the index is written for. */
function isElsewhere(module: string, entries: readonly string[], files: readonly string[]): boolean {
  const [, name] = /^\.\/([^/]+)$/.exec(module) ?? [];
  if (name === undefined) {
    return true;
  }
  const isOf = (file: string): boolean => file === name || stem(file) === name || stem(file) === stem(name);
  return !files.some(isOf) && entries.some(isOf);
}

const stem = (file: string): string => file.replace(/\.[cm]?[jt]s$/, '');

/** Whether code has this word: a hand-written index that imports a migration, say, and exports it elsewhere. */
const mentions = (text: string | undefined, name: string): boolean =>
  (text ?? '').split(/[^\p{ID_Continue}$]+/u).includes(name);

/** What an index lists. */
interface IndexLine {
  /** As it stands there. */
  readonly text: string;
  readonly module: string;
  readonly names: readonly string[];
}

function readIndex(text: string): IndexLine[] {
  const string = `'[^'\\n]*'|"(?:[^"\\\\\\n]|\\\\.)*"`;
  const line = new RegExp(
    `export\\s*(?:\\{([^}]*)\\}|\\*)\\s*from\\s*(${string});?|exports\\.(\\S+)\\s*=\\s*require\\((${string})\\).*`,
    'g',
  );
  return Array.from(text.matchAll(line), ([text, list = '', from, name, required]) => ({
    text,
    module: unquote((from ?? required)!),
    names: name === undefined ? list.split(',').map(item => item.trim().replace(/^.*\s/, '')) : [name],
  }));
}

function writeLines(migrations: readonly ExportedMigration[], module: string, emit: string): string[] {
  if (emit === 'ts') {
    const names = migrations.map(({ name, exported }) => (exported === name ? name : `${exported} as ${name}`));
    return [`export { ${names.join(', ')} } from ${module};`];
  }
  // MikroORM's generator for JavaScript writes CommonJS
  return migrations.map(
    ({ name, exported }) => `exports.${name} = require(${module})${exported === undefined ? '' : `.${exported}`};`,
  );
}

const quote = (module: string): string => (/['\\\n]/.test(module) ? JSON.stringify(module) : `'${module}'`);

const unquote = (string: string): string =>
  string.startsWith('"') ? (JSON.parse(string) as string) : string.slice(1, -1);

/** Replaces a file at once: a development server reads it whenever it changes, and must not find it half written. */
async function replaceFile(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path); // a link stays one
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  try {
    await writeFile(temporary, text);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** How this project ends its imports: as the index does already, else as its tsconfig lets it. */
export function importExtension(index: string | undefined, file: string): string {
  const written = index && /from (['"])\.\/.*?(\.[jt]s)?\1/.exec(index);
  if (written) {
    return written[2] ?? '';
  }
  // a JavaScript app, whose bundler finds no .ts behind a .js
  if (!existsSync(file) && existsSync(join(dirname(file), 'jsconfig.json'))) {
    return '.ts';
  }
  const { options } = readTsconfig(file);
  const option = (name: string): string => String(options[name] ?? '').toLowerCase();
  if (option('allowImportingTsExtensions') === 'true' || option('rewriteRelativeImportExtensions') === 'true') {
    return '.ts';
  }
  return (option('moduleResolution') || option('module').replace('preserve', 'bundler')) === 'bundler' ? '' : '.js';
}

function read(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
