// `node --import` this, to run the sources of the example as they are, on the real package or the double.
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { daloyFile, importer, isPackage, isSource, read } from './example.ts';

const pathOf = (url: string | undefined): string => (url?.startsWith('file:') ? fileURLToPath(url) : '');

registerHooks({
  resolve(specifier, context, next) {
    const file = daloyFile(specifier);
    if (file) return next(pathToFileURL(file).href, context);
    const moved = isSource(pathOf(context.parentURL)) && isPackage(specifier);
    return next(specifier, moved ? { ...context, parentURL: pathToFileURL(importer).href } : context);
  },
  load(url, context, next) {
    const file = pathOf(url);
    return isSource(file) ? { format: 'module', source: read(file), shortCircuit: true } : next(url, context);
  },
});
