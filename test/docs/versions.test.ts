import { expect, test } from 'vitest';
import { pages, readPage } from './support/pages.ts';

const manifest = JSON.parse(readPage('package.json')) as { devDependencies: Record<string, string> };
// the one place that holds the version
const version = manifest.devDependencies['@mikro-orm/core']!;

test('all packages of MikroORM have one exact version', () => {
  expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  const own = Object.entries(manifest.devDependencies).filter(([name]) => name.startsWith('@mikro-orm/'));
  expect(own.filter(([, other]) => other !== version)).toEqual([]);
});

test('commands that install MikroORM name that version on every package', () => {
  const commands = pages.flatMap(page =>
    [...readPage(page).matchAll(/\b(?:npm (?:install|i)|(?:pnpm|yarn|bun) add)\b.*/g)].map(
      ([line]) => [page, line] as const,
    ),
  );
  const named = commands.flatMap(([page, line]) =>
    [...line.matchAll(/(@mikro-orm\/[a-z-]+)(?:@([\w.^~-]+))?/g)].map(([, name, found]) => ({ page, name, found })),
  );
  expect(named.map(({ page }) => page)).toContain('README.md');
  expect(named.filter(({ found }) => found !== version)).toEqual([]);
});
