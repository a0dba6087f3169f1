import { join } from 'node:path';
import type { NextConfig } from 'next';

// Works either way; the tests build both.
const cacheComponents = process.env.CACHE_COMPONENTS === '1';

// `E2E=1 next build` has the routes that only tests may call, in files named `route.e2e.ts`. No other build has them.
const pageExtensions = process.env.E2E === '1' ? ['e2e.ts', 'tsx', 'ts'] : ['tsx', 'ts'];

// Only because this app lives inside the library's repository, whose root holds node_modules and the library itself.
// An app of your own needs none of them.
const repository = join(import.meta.dirname, '../..');

export default {
  pageExtensions,
  ...(cacheComponents && { cacheComponents, partialPrefetching: true, env: { CACHE_COMPONENTS: '1' } }),
  turbopack: { root: repository },
  outputFileTracingRoot: repository,
  agentRules: false, // `next dev` writes no files into this repository
} satisfies NextConfig;
