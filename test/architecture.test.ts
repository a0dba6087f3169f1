import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const src = resolve(import.meta.dirname, '../src');

/** What each folder, or file beside the folders, may import. docs/architecture.md has the same list, with what lives there. */
const base = ['channels', 'errors', 'orm-source', 'mikro-orm-internals', 'util'];
const all = [...base, 'problems', 'pool', 'entities', 'process', 'requests', 'migrations', 'singleton'];
const MAY_IMPORT: Record<string, readonly string[]> = {
  channels: [],
  errors: [],
  'orm-source': ['errors'],
  'mikro-orm-internals': ['errors', 'orm-source'],
  util: base,
  problems: base,
  pool: base,
  entities: base,
  process: [...base, 'pool'],
  requests: [...base, 'problems', 'pool', 'process'],
  migrations: [...base, 'problems', 'pool', 'process'],
  singleton: [...base, 'problems', 'pool', 'entities', 'process', 'requests', 'migrations'],
  doctor: all,
  index: all,
  testing: [...all, 'index'],
  cli: [...all, 'doctor', 'index'],
  edge: all,
  conditions: [...all, 'index'],
};

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'));
const roomOf = (file: string): string => file.split('/')[0]!.replace(/\.ts$/, '');

/** The files of src/ that a file imports: types, too, and what is imported later. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8');
  return [...text.matchAll(/^(?:import|export|\}).* from '(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm)].map(
    ([, first, later]) => relative(src, resolve(src, dirname(file), first ?? later!)).replace(/\.js$/, '.ts'),
  );
}

describe('src/', () => {
  test('each folder imports only what stands below it', () => {
    const wrong = files.flatMap(file =>
      importsOf(file)
        .filter(target => roomOf(target) !== roomOf(file) && !MAY_IMPORT[roomOf(file)]?.includes(roomOf(target)))
        .map(target => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test('no circle of files', () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) {
        circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      } else if (!done.has(file)) {
        importsOf(file).forEach(target => visit(target, [...path, file]));
        done.add(file);
      }
    };
    files.forEach(file => visit(file, []));
    expect(circles).toEqual([]);
  });

  test('every import leads to a file', () => {
    expect(files.flatMap(importsOf).filter(target => !files.includes(target))).toEqual([]);
  });
});
