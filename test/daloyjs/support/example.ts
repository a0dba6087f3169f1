import { join, resolve } from 'node:path';
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { findDaloy } from './daloy.ts';

const sources = resolve(import.meta.dirname, '../../../examples/daloyjs/src');
const daloy: Record<string, string> = findDaloy().files;

/** What all else is imported from: the library as it is built here, and the one copy of MikroORM that the tests have. */
export const importer = join(import.meta.dirname, 'example.ts');

export const isSource = (file: string | undefined): boolean => file?.startsWith(sources) ?? false;
export const isPackage = (specifier: string): boolean => /^(?:@|\w)/.test(specifier) && !specifier.includes(':');
export const daloyFile = (specifier: string): string | undefined => daloy[specifier];

/** Compiles as the example's own build does: nothing else here knows the decorators of the standard. */
export function compile(code: string, file: string): string {
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    inlineSourceMap: true,
  };
  return ts.transpileModule(code, { fileName: file, compilerOptions }).outputText;
}

export const read = (file: string): string => compile(readFileSync(file, 'utf8'), file);
