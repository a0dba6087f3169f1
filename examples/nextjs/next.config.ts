import { join } from 'node:path';
import type { NextConfig } from 'next';

// Only because this app lives inside the library's repository, whose root holds node_modules and the library itself.
// An app of your own needs none of these lines.
const repository = join(import.meta.dirname, '../..');

export default {
  turbopack: { root: repository },
  outputFileTracingRoot: repository,
  agentRules: false, // `next dev` writes no files into this repository
} satisfies NextConfig;
