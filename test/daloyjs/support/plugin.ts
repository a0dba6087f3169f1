import type { Plugin } from 'vitest/config';
import { compile, daloyFile, importer, isPackage, isSource } from './example.ts';

/** Lets Vitest run the sources of the example, on the real package or the double. */
export const exampleSources = (): Plugin => ({
  name: 'daloyjs-example',
  enforce: 'pre',
  resolveId(specifier, from) {
    const file = daloyFile(specifier);
    if (file) return file;
    return isSource(from) && isPackage(specifier) ? this.resolve(specifier, importer, { skipSelf: true }) : null;
  },
  transform: (code, file) => (isSource(file) ? compile(code, file) : null),
});
