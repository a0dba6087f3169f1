import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '..');
const bin = (name: string): string => join(folder, 'node_modules/.bin', name);
const esbuild = resolve(folder, '../../node_modules/.bin/esbuild');
const node = process.execPath;

/** How a test app is built and run. Commands run in its folder; PORT says where to listen. */
export interface TestApp {
  readonly name: string;
  /** The packages whose versions the table shows. */
  readonly packages: readonly string[];
  /** Where the shared entities, config and works go: beside what `add` writes. */
  readonly sources: string;
  /** How the app's own modules import from there, where that is by an alias. */
  readonly alias?: string;
  /** What `add` writes where these sources are there. */
  readonly written: readonly string[];
  readonly build: (minify: boolean) => readonly string[] | undefined;
  readonly start: (minify: boolean) => readonly string[];
  /** The development server, where there is one; it is told its port and host. */
  readonly dev?: readonly string[];
  /** How the process ends after SIGTERM: by itself, or by the signal that it raises again. */
  readonly end: 0 | 'SIGTERM';
  /** Whether it has pages of its own for errors, which stay pages. */
  readonly errorPages: boolean;
  /** Whether its development server leaves requests without an answer that an edit interrupts. */
  readonly dropsRequests?: boolean;
  /** Whether the server listens before the database is open. */
  readonly opensLate?: boolean;
  /** Whether its minifier leaves the names of classes alone. */
  readonly keepsNames?: boolean;
  /** Whether the framework itself tells clients the messages of the app's own errors. */
  readonly tellsMessages?: boolean;
  /** The tsconfig.json that checks types. Default: the app's own. */
  readonly types?: string;
  /** The command that writes the files which tsconfig.json needs, as npm run prepare does. */
  readonly prepare?: readonly string[];
}

/** The command that checks types. */
export const typeCheck = ({ types = '.' }: TestApp): readonly string[] => [
  resolve(folder, '../../node_modules/.bin/tsc'),
  '--noEmit',
  '-p',
  types,
];

/** Servers without a build: as they are, and as one minified file. */
const bundle = (minify: boolean, ...more: string[]): string[] => [
  esbuild,
  'server.ts',
  '--bundle',
  '--platform=node',
  '--format=esm',
  '--packages=external',
  '--outfile=server.js',
  ...(minify ? ['--minify'] : []),
  ...more,
];

/** An app that Node.js runs as it is. */
const plain = {
  sources: '.',
  written: ['orm.ts'],
  build: minify => (minify ? bundle(true) : undefined),
  start: minify => [node, minify ? 'server.js' : 'server.ts'],
  end: 0,
  errorPages: false,
} satisfies Partial<TestApp>;

export const TEST_APPS: readonly TestApp[] = [
  {
    ...plain,
    name: 'hono',
    packages: ['hono', '@hono/node-server'],
  },
  {
    ...plain,
    name: 'express',
    packages: ['express'],
    errorPages: true,
  },
  {
    ...plain,
    name: 'fastify',
    packages: ['fastify'],
    tellsMessages: true,
  },
  {
    ...plain,
    name: 'nest',
    packages: ['@nestjs/core', '@nestjs/platform-express'],
    // Node.js runs no decorators
    build: minify => bundle(minify),
    start: () => [node, 'server.js'],
    end: 'SIGTERM',
  },
  {
    name: 'sveltekit',
    packages: ['@sveltejs/kit', '@sveltejs/adapter-node'],
    sources: 'src/lib/server',
    alias: '#lib/server',
    written: ['src/lib/server/orm.ts'],
    build: () => [bin('vite'), 'build'],
    start: () => [node, 'build'],
    prepare: [bin('svelte-kit'), 'sync'],
    dev: [bin('vite'), 'dev'],
    end: 0,
    errorPages: true,
  },
  {
    name: 'react-router',
    packages: ['react-router', '@react-router/serve'],
    sources: 'app',
    alias: '~',
    written: ['app/orm.server.ts'],
    build: () => [bin('react-router'), 'build'],
    start: () => [node, bin('react-router-serve'), 'build/server/index.js'],
    dev: [bin('react-router'), 'dev'],
    end: 0,
    errorPages: true,
    prepare: [bin('react-router'), 'typegen'],
  },
  {
    name: 'astro',
    packages: ['astro', '@astrojs/node'],
    sources: 'src/server',
    alias: '@/server',
    written: ['src/server/orm.ts'],
    build: () => [bin('astro'), 'build'],
    start: () => [node, 'server.mjs'],
    dev: [bin('astro'), 'dev'],
    opensLate: true,
    end: 0,
    errorPages: true,
  },
  {
    name: 'tanstack-start',
    packages: ['@tanstack/react-start', 'srvx'],
    sources: 'src/server',
    alias: '~/server',
    written: ['src/server/orm.ts'],
    build: () => [bin('vite'), 'build'],
    start: () => [node, 'server.mjs'],
    dev: [bin('vite'), 'dev'],
    end: 0,
    errorPages: true,
  },
  {
    name: 'nuxt',
    packages: ['nuxt', 'nitropack'],
    sources: 'server',
    alias: '~~/server',
    written: ['server/plugins/orm.ts'],
    build: () => [bin('nuxt'), 'build'],
    start: () => [node, '.output/server/index.mjs'],
    dev: [bin('nuxt'), 'dev'],
    dropsRequests: true,
    prepare: [bin('nuxt'), 'prepare'],
    end: 0,
    errorPages: true,
    types: '.nuxt/tsconfig.server.json',
    opensLate: true,
    keepsNames: true,
  },
];
