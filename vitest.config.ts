import { defineConfig } from 'vitest/config';
import { exampleSources } from './test/daloyjs/support/plugin.ts';
import { APPS } from './test/support/groups.ts';

// the counts, for .ci/run
const report = process.env['VITEST_JSON'];

export default defineConfig({
  test: {
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    globalSetup: './test/support/global-setup.ts',
    maxWorkers: '100%',
    // concurrent tests are those that mostly wait
    maxConcurrency: 6,
    projects: [
      {
        extends: true,
        test: {
          name: 'library',
          include: ['test/**/*.test.ts'],
          exclude: [...APPS, '**/node_modules/**'],
          // no test measures time by these: they end what hangs, on a machine that is busy with other work, too
          testTimeout: 120_000,
          hookTimeout: 180_000,
          typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
        },
      },
      {
        extends: true,
        test: {
          // production builds, development servers and a browser: minutes, one after the other
          name: 'apps',
          include: ['test/apps/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
      {
        extends: true,
        test: {
          // the adapters, each in an app of its framework: one after the other, for they put the servers under load
          name: 'frameworks',
          include: ['test/frameworks/*.test.ts'],
          globalSetup: './test/frameworks/support/global-setup.ts',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        extends: true,
        plugins: [exampleSources()],
        test: {
          name: 'daloyjs',
          include: ['test/daloyjs/**/*.test.ts'],
          globalSetup: './test/daloyjs/support/global-setup.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
