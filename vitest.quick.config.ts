import { defineConfig } from 'vitest/config';
import { quickTests } from './test/support/groups.ts';

// What runs in a minute, from a fresh checkout: no build, no server, no process. `npm test` runs everything.
export default defineConfig({
  test: {
    include: quickTests(),
    env: { TEST_DRIVERS: 'embedded' },
    maxWorkers: '100%',
    maxConcurrency: 6,
    // files share what they import: six drivers, which take longer to load than most files take to run
    isolate: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
