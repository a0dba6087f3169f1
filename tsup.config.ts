import { defineConfig, type Options } from 'tsup';

const common: Options = { format: 'esm', target: 'node22', removeNodeProtocol: false, treeshake: true };

export default defineConfig([
  {
    ...common,
    entry: {
      index: 'src/index.ts',
      edge: 'src/edge/index.ts',
      workerd: 'src/conditions/workerd.ts',
      'edge-light': 'src/conditions/edge-light.ts',
      cli: 'src/cli/index.ts',
      testing: 'src/testing/index.ts',
    },
    dts: { entry: { index: 'src/index.ts' } },
    clean: true,
  },
  // types of their own, so that neither entry leads to unnamed ones of the other
  { ...common, entry: { edge: 'src/edge/index.ts' }, dts: { only: true } },
  { ...common, entry: { testing: 'src/testing/index.ts' }, dts: { only: true } },
]);
