import { defineConfig } from 'tsup';

export default defineConfig({
  entry: { index: 'src/index.ts', edge: 'src/edge/index.ts', cli: 'src/cli/index.ts' },
  format: 'esm',
  target: 'node22',
  dts: { entry: { index: 'src/index.ts', edge: 'src/edge/index.ts' } },
  clean: true,
  removeNodeProtocol: false,
  treeshake: true,
});
