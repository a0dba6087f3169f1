import { existsSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { pages, readPage, root } from './support/pages.ts';

const withoutCode = (text: string): string => text.replaceAll(/^```.*?^```$/gms, '');

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  const seen = new Map<string, number>();
  return [...withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => {
    const anchor = heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

/** The links of a page that lead into the repository. */
const linksOf = (page: string): string[] =>
  [...withoutCode(readPage(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link!)
    .filter(link => !/^[a-z]+:/.test(link));

function isBroken(page: string, link: string): boolean {
  const [path, anchor] = link.split('#') as [string, string?];
  const target = path === '' ? page : relative(root, join(root, dirname(page), path));
  if (!existsSync(join(root, target))) {
    return true;
  }
  return (
    anchor !== undefined && (!statSync(join(root, target)).isFile() || !anchorsOf(readPage(target)).includes(anchor))
  );
}

test('anchors are those of GitHub', () => {
  expect(anchorsOf('# `a(b, c)`, `d`: e\n## Next.js\n```sh\n# no heading\n```\n## Next.js\n')).toEqual([
    'ab-c-d-e',
    'nextjs',
    'nextjs-1',
  ]);
});

test('a link to a file or a heading that does not exist is found', () => {
  const links = ['docs/README.md', '#install', '#no-heading', 'docs/no-page.md', 'docs#install'];
  expect(links.filter(link => isBroken('README.md', link))).toEqual(['#no-heading', 'docs/no-page.md', 'docs#install']);
});

test('every link leads to a file and to a heading', () => {
  const links = pages.flatMap(page => linksOf(page).map(link => [page, link] as const));
  expect(links.length).toBeGreaterThan(20);
  expect(links.filter(([page, link]) => isBroken(page, link))).toEqual([]);
});

test('the index leads to every page of docs/', () => {
  const linked = linksOf('docs/README.md').map(link => join('docs', link.split('#')[0]!));
  expect(pages.filter(page => page.startsWith('docs/') && page !== 'docs/README.md' && !linked.includes(page))).toEqual(
    [],
  );
});
