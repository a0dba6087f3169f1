import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPage, root } from './pages.ts';

/** A file that a page shows, or a fragment of one. */
export interface CodeBlock {
  readonly page: string;
  /** Of the page, where it begins. */
  readonly line: number;
  /** The name that the page gives it, or a made-up one. */
  readonly file: string;
  readonly text: string;
  /** What a fragment takes for granted: a file of test/docs/context. */
  readonly context: string | undefined;
}

/** A fence of TypeScript, and a comment of the page before it. */
const FENCE = /(?:^ *<!-- (fragment)(?:: (\w+))? -->\n\n?)?^( *)```(tsx?)\n(.*?)^ *```$/gms;

/**
 * The blocks of TypeScript on a page. A comment line with a file's name, such as `// orm.ts`, begins a file. A block without
 * imports is a fragment, and so is one after `<!-- fragment -->`. It sees what `context/app.ts` exports, or what `context/NAME.ts`
 * does after `<!-- fragment: NAME -->`.
 */
export function codeBlocksOf(page: string): CodeBlock[] {
  const text = readPage(page);
  return [...text.matchAll(FENCE)].flatMap(match => {
    const [whole, isMarked, name, indent, language, code] = match;
    const line = text.slice(0, match.index + whole.indexOf('```')).split('\n').length + 1;
    const unindented = code!.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    return splitFiles(unindented).map(([file, part, offset]) => ({
      page,
      line: line + offset,
      file: file ?? `line-${line}.${language}`,
      text: part,
      context:
        isMarked || !/^import /m.test(part) ? (name ?? (page === 'docs/edge.md' ? 'workers' : 'app')) : undefined,
    }));
  });
}

/** The files of a block: name, text, and the line on which it begins. */
function splitFiles(code: string): [file: string | undefined, text: string, offset: number][] {
  const starts = [...code.matchAll(/^\/\/ ([\w./[\]-]+\.tsx?)(?::.*)?$/gm)];
  if (starts[0]?.index !== 0) {
    return [[undefined, code, 0]];
  }
  return starts.map(({ 1: file, index }, i) => [
    file,
    code.slice(index, starts[i + 1]?.index),
    code.slice(0, index).split('\n').length - 1,
  ]);
}

export const contextFolder = join(root, 'test/docs/context');

/** The import that gives a fragment what its context exports, but for what it declares or imports itself; on one line. */
export function contextImport({ context, text }: CodeBlock): string {
  if (context === undefined) {
    return '';
  }
  const path = join(contextFolder, `${context}.ts`);
  const source = readFileSync(path, 'utf8');
  const exported = [
    ...[...source.matchAll(/^export (?:declare )?(?:const|function|class) (\w+)/gm)].map(([, name]) => name!),
    ...[...source.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, names]) => names!.match(/\w+/g) ?? []),
  ];
  const isOwn = (name: string): boolean =>
    new RegExp(`^(?:export )?(?:async )?(?:const|function|class) ${name}\\b|^import .*\\b${name}\\b.* from`, 'm').test(
      text,
    );
  return `import { ${exported.filter(name => !isOwn(name)).join(', ')} } from '${path}'; `;
}
