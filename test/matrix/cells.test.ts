import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPage, root } from '../docs/support/pages.ts';
import { CELLS } from './cells.ts';

const names = CELLS.map(({ name }) => name);
const unknown = (found: readonly string[]): string[] => found.filter(name => !names.includes(name));

/** The cells of a job: those of its matrix, and those that it names itself. */
function cellsOf(workflow: string): string[] {
  const text = readPage(join('.github/workflows', workflow));
  const called = [...text.matchAll(/\bnpm run matrix -- (.+)$/gm)].flatMap(([, args]) =>
    args!.replaceAll(/\$\{\{.*?\}\}/g, '').split(' '),
  );
  const listed = [...text.matchAll(/^\s+cell:\n((?:\s+- .+\n)+)/gm)].flatMap(([, lines]) => lines!.match(/[^\s]+$/gm)!);
  return [...called, ...listed].filter(name => name !== '');
}

test('each cell has a name of its own', () => {
  expect(new Set(names).size).toBe(names.length);
});

test('what the workflows run exists', () => {
  expect(unknown(readdirSync(join(root, '.github/workflows')).flatMap(cellsOf))).toEqual([]);
});

test('changes are tested in all cells but those of what is newest, and these are tested every week', () => {
  const changes = cellsOf('ci.yml');
  const weekly = cellsOf('canary.yml');
  expect(weekly.length).toBeGreaterThan(0);
  expect([...changes, ...weekly].sort()).toEqual([...names].sort());
});

test('the table of docs/compatibility.md has every cell, once', () => {
  const rows = [...readPage('docs/compatibility.md').matchAll(/^\| `([^`]+)` +\|/gm)].map(([, name]) => name!);
  expect(rows.sort()).toEqual([...names].sort());
});
