import { defineConfig } from 'tsup';

export default defineConfig({
  entry: { index: 'src/index.ts', edge: 'src/edge/index.ts', cli: 'src/cli/index.ts', testing: 'src/testing/index.ts' },
  format: 'esm',
  target: 'node22',
  dts: { entry: { index: 'src/index.ts', edge: 'src/edge/index.ts', testing: 'src/testing/index.ts' } },
  clean: true,
  removeNodeProtocol: false,
  treeshake: true,
});
