import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { afterAll, expect, test } from 'vitest';
import { codeBlocksOf, contextFolder, contextImport, type CodeBlock } from './support/code-blocks.ts';
import { pages, root } from './support/pages.ts';

// below the repository, so that its packages are found
const folder = join(root, `test/.tmp/docs-${process.pid}`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const blocks = pages.flatMap(codeBlocksOf);

/** As of an app under a bundler, and as strict as one can be. */
const NODE: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  noUncheckedIndexedAccess: true,
  allowImportingTsExtensions: true,
  jsx: ts.JsxEmit.ReactJSX,
  lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  paths: {
    '@daloyjs/core': [join(root, 'test/daloyjs/double/index.ts')],
    '@daloyjs/core/node': [join(root, 'test/daloyjs/double/node.ts')],
  },
};
/** Globals of workers, and none of Node.js. */
const WORKERD: ts.CompilerOptions = { ...NODE, types: ['@cloudflare/workers-types'] };

/** Writes blocks beside each other, as the files that they are, and tells what the compiler says, by the lines of the pages. */
function check(checked: readonly CodeBlock[], options: ts.CompilerOptions): string[] {
  const written = new Map<string, CodeBlock>();
  for (const block of checked) {
    const name = block.page.replaceAll(/\W/g, '-');
    const file = join(folder, name, block.file);
    // what else the page's app has
    if (existsSync(join(contextFolder, 'pages', name))) {
      cpSync(join(contextFolder, 'pages', name), join(folder, name), { recursive: true });
    }
    expect([...written.keys()], 'one page has two files of one name').not.toContain(file);
    written.set(file, block);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${contextImport(block)}${block.text}\nexport {};\n`);
  }
  const program = ts.createProgram([...written.keys(), join(contextFolder, 'modules.d.ts')], options);
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const block = written.get(file?.fileName ?? '');
    const place = block
      ? `${block.page}:${block.line + file!.getLineAndCharacterOfPosition(start).line}`
      : relative(root, file?.fileName ?? '');
    return `${place} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

const isForWorkers = ({ page, text }: CodeBlock): boolean =>
  page === 'docs/edge.md' || text.includes('mikro-orm-web/edge');

test('pages have whole files and fragments', () => {
  const fragments = blocks.filter(({ context }) => context !== undefined);
  expect(fragments.length).toBeGreaterThan(8);
  expect(blocks.length - fragments.length).toBeGreaterThan(15);
});

test('a block that does not compile is found, on its line', { timeout: 600_000 }, () => {
  const text = "import { openEm } from 'mikro-orm-web';\nopenEm(1);";
  expect(check([{ page: 'a.md', file: 'a.ts', line: 7, context: undefined, text }], NODE)).toEqual([
    expect.stringMatching(/^a\.md:8 Argument of type '1'|^a\.md:8 Argument of type 'number'/),
  ]);
});

test('code for Node.js compiles', { timeout: 600_000 }, () => {
  expect(
    check(
      blocks.filter(block => !isForWorkers(block)),
      NODE,
    ),
  ).toEqual([]);
});

test('code for workers compiles', { timeout: 600_000 }, () => {
  expect(check(blocks.filter(isForWorkers), WORKERD)).toEqual([]);
});
