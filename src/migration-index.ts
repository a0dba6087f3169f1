import { join, resolve } from 'node:path';
import type { MigrationDiff, MigrationsOptions } from '@mikro-orm/core';
import { JSMigrationGenerator, TSMigrationGenerator } from '@mikro-orm/migrations';
import { warn } from './warn.js';

const MARK = '// Written by mikro-orm-web: migration:create keeps this list up to date.';

/**
 * MikroORM's migration generator, which after each new migration also writes the `index` beside it: one line for each
 * migration, sorted. A file that it did not write is left alone.
 */
export function migrationIndexGenerator(options: MigrationsOptions): NonNullable<MigrationsOptions['generator']> {
  const Native = options.emit === 'js' || options.emit === 'cjs' ? JSMigrationGenerator : TSMigrationGenerator;
  const Base = (options.generator ?? Native) as typeof TSMigrationGenerator;
  return class extends Base {
    override async generate(diff: MigrationDiff, path?: string, name?: string): Promise<[string, string]> {
      const generated = await super.generate(diff, path, name);
      const { emit = 'ts', pathTs, path: pathJs } = this.options;
      const folder = path ?? (emit === 'ts' && pathTs ? pathTs : pathJs) ?? './migrations';
      const baseDir = this.driver.config.get('baseDir');
      const message = await writeIndex(resolve(baseDir, folder), emit, baseDir);
      if (message) {
        warn(this.driver.config, message);
      }
      return generated;
    }
  };
}

/** Writes the index; returns what to tell where that is not possible. */
async function writeIndex(folder: string, emit: string, baseDir: string): Promise<string | undefined> {
  const { readdir, readFile, writeFile } = await import('node:fs/promises');
  const read = (file: string): Promise<string | undefined> => readFile(file, 'utf8').catch(() => undefined);
  const index = join(folder, `index.${emit}`);
  const before = await read(index);
  const names = (await readdir(folder)).filter(
    file => file.endsWith(`.${emit}`) && !/^index\.|\.d\.[cm]?ts$/.test(file),
  );
  const extension =
    emit === 'ts' ? await importExtension(before, () => read(join(baseDir, 'tsconfig.json'))) : `.${emit}`;
  const lines: string[] = [];
  for (const file of names.sort()) {
    const exported = exportedClass((await read(join(folder, file))) ?? '');
    if (exported) {
      lines.push(`export { ${exported} } from './${file.slice(0, -emit.length - 1)}${extension}';`);
    }
  }
  const text = `${MARK}\n${lines.join('\n')}\n`;
  if (before !== undefined && !before.startsWith(MARK)) {
    return `${index} was not written by mikro-orm-web, and is left alone. Add the line for the new migration yourself, or delete the file to have it written: ${lines.at(-1) ?? ''}`;
  }
  await writeFile(index, text);
  return undefined;
}

function exportedClass(source: string): string | undefined {
  return (/export class ([\w$]+)/.exec(source) ?? /exports\.([\w$]+) = \1/.exec(source))?.[1];
}

/** How this project writes imports: as the index did before, else as its tsconfig lets it. */
async function importExtension(
  index: string | undefined,
  readTsconfig: () => Promise<string | undefined>,
): Promise<string> {
  const written = index && /from '[^']*?(\.[jt]s)?';/.exec(index);
  if (written) {
    return written[1] ?? '';
  }
  const tsconfig = (await readTsconfig()) ?? '';
  if (/"(allowImportingTsExtensions|rewriteRelativeImportExtensions)"\s*:\s*true/.test(tsconfig)) {
    return '.ts';
  }
  return /"moduleResolution"\s*:\s*"bundler"/i.test(tsconfig) ? '' : '.js';
}
