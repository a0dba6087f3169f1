import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/edge.ts', 'src/cli.ts'],
  // the command line is an app of the library's, beside it
  external: ['./index.js'],
  format: 'esm',
  target: 'node22',
  dts: { entry: ['src/index.ts', 'src/edge.ts'] },
  clean: true,
  removeNodeProtocol: false,
  treeshake: true,
});
