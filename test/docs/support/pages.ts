import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../../..');

const markdownIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter(file => file.endsWith('.md'))
    .map(file => join(folder, file));

/** What users and contributors read, relative to the repository. */
export const pages: readonly string[] = [
  ...markdownIn('.'),
  ...markdownIn('docs'),
  ...readdirSync(join(root, 'examples')).flatMap(example => markdownIn(join('examples', example))),
];

export const readPage = (page: string): string => readFileSync(join(root, page), 'utf8');
