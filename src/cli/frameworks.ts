import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The version of all `@mikro-orm/*` packages that the adapters are tested with. */
export const TESTED_VERSION = '7.2.1';

/** What `add` copies for a framework, and where to. Files are relative to its `base`. */
export interface Framework {
  readonly title: string;
  /** The folder of the app's sources: `src`, or `.` for the app's own. */
  base(app: string): string;
  /** The published adapter, by its path in this package. */
  readonly adapter: { readonly example: string; readonly file: string };
  /** What opens and closes the ORM with the server, where that is a file of its own. */
  readonly instrumentation?: { readonly example: string; readonly file: string };
  readonly entities: string;
  /** Whether a bundler resolves the app's imports, so that they need no extension. */
  readonly bundled: boolean;
  /** What an app without tsconfig.json does about files in TypeScript. */
  readonly withoutTypeScript: string;
  /** Where to use what the adapter exports; `{orm}` stands for its file. */
  readonly use: readonly string[];
}

const has = (app: string, ...folders: string[]): boolean => folders.some(folder => existsSync(join(app, folder)));

const RUNS_AS_IT_IS =
  'Node.js 22.18 or later runs them as they are, and JavaScript imports them with their .ts. The command line needs one: { "compilerOptions": { "module": "nodenext", "rewriteRelativeImportExtensions": true } }.';

export const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  astro: {
    title: 'Astro',
    base: () => 'src/server',
    adapter: { example: 'examples/adapters/astro.ts', file: 'orm.ts' },
    entities: 'entities',
    bundled: true,
    withoutTypeScript: 'npm create astro writes one.',
    use: [
      "Export the middleware of {orm} from src/middleware.ts: export { onRequest } from './server/orm';",
      'Pages and endpoints find the EntityManager in Astro.locals.em and context.locals.em.',
      'Start the server with a file of your own that stops listening at SIGTERM, as @astrojs/node does not: node_modules/mikro-orm-web/docs/frameworks.md shows it.',
    ],
  },
  daloyjs: {
    title: 'DaloyJS',
    base: app => (has(app, 'src') ? 'src' : '.'),
    adapter: { example: 'examples/daloyjs/src/orm.ts', file: 'orm.ts' },
    entities: 'entities',
    bundled: false,
    withoutTypeScript: RUNS_AS_IT_IS,
    use: [
      'Pass ormHooks of {orm} to the routes that use the database: app.register(users, { hooks: ormHooks }).',
      'Their handlers find the EntityManager in state.em. Errors of the database become problem details.',
      'Register ormPlugin in the server, before app.ready(): app.register(ormPlugin).',
    ],
  },
  express: {
    title: 'Express',
    base: app => (has(app, 'src') ? 'src' : '.'),
    adapter: { example: 'examples/adapters/express.ts', file: 'orm.ts' },
    entities: 'entities',
    bundled: false,
    withoutTypeScript: RUNS_AS_IT_IS,
    use: [
      'Use withEm of {orm} before the routes and onError after them: app.use(withEm), app.use(onError). Handlers find the EntityManager in req.em.',
      'In the server, open the database before it listens: await orm(); closeWith(app.listen(3000)).',
    ],
  },
  fastify: {
    title: 'Fastify',
    base: app => (has(app, 'src') ? 'src' : '.'),
    adapter: { example: 'examples/adapters/fastify.ts', file: 'orm.ts' },
    entities: 'entities',
    bundled: false,
    withoutTypeScript: RUNS_AS_IT_IS,
    use: [
      'Register ormPlugin of {orm} before the routes: await app.register(ormPlugin). Handlers find the EntityManager in request.em.',
      'Make the server with Fastify({ return503OnClosing: false }), so that a shutdown refuses no request that came in.',
    ],
  },
  hono: {
    title: 'Hono',
    base: app => (has(app, 'src') ? 'src' : '.'),
    adapter: { example: 'examples/adapters/hono.ts', file: 'orm.ts' },
    entities: 'entities',
    bundled: false,
    withoutTypeScript: RUNS_AS_IT_IS,
    use: [
      "Use withEm and onError of {orm}: app.use(withEm), app.onError(onError). Handlers find the EntityManager in c.get('em').",
      'In the server, open the database before it listens: await orm(); closeWith(serve({ fetch: app.fetch })).',
    ],
  },
  nest: {
    title: 'NestJS',
    base: app => (has(app, 'src') ? 'src' : '.'),
    adapter: { example: 'examples/adapters/nest.ts', file: 'orm.ts' },
    entities: 'entities',
    bundled: false,
    withoutTypeScript: 'NestJS needs one for its decorators: nest new writes it.',
    use: [
      'Import OrmModule of {orm} in the AppModule, and call app.enableShutdownHooks() in main.ts.',
      'Handlers take the EntityManager as a parameter: @CurrentEm() em: Em.',
    ],
  },
  nextjs: {
    title: 'Next.js',
    // Next.js ignores src/app where there is an app/
    base: app => (!has(app, 'app', 'pages') && has(app, 'src') ? 'src' : '.'),
    adapter: { example: 'examples/nextjs/lib/orm.ts', file: 'lib/orm.ts' },
    instrumentation: { example: 'examples/nextjs/instrumentation.ts', file: 'instrumentation.ts' },
    entities: 'lib/entities',
    bundled: true,
    withoutTypeScript: 'Next.js compiles them as they are, and JavaScript imports them without an extension.',
    use: [
      'Call getEm() of {orm} in layouts, pages and generateMetadata: const em = await getEm().',
      'Use withEm(em => …) in route handlers and server actions.',
      'Wrap route handlers: export const GET = withProblems(async request => …).',
    ],
  },
  nuxt: {
    title: 'Nuxt',
    base: () => 'server',
    adapter: { example: 'examples/adapters/nuxt.ts', file: 'plugins/orm.ts' },
    entities: 'entities',
    bundled: true,
    withoutTypeScript: 'npm create nuxt writes one, which refers to those of .nuxt.',
    use: [
      'Tell the command line of Nuxt\'s aliases in package.json: "mikro-orm": { "tsConfigPath": "./.nuxt/tsconfig.server.json" }.',
      'Handlers in server/api find the EntityManager in event.context.em; Nitro runs {orm} by itself.',
      'Pages that fetch pass the error on: throw createError({ statusCode: error.value.statusCode, fatal: true }).',
    ],
  },
  'react-router': {
    title: 'React Router',
    base: () => 'app',
    adapter: { example: 'examples/adapters/react-router.ts', file: 'orm.server.ts' },
    entities: 'entities',
    bundled: true,
    withoutTypeScript: 'npx create-react-router writes one.',
    use: [
      "Make an entry.server.tsx (npx react-router reveal), and add there: await orm(); export { handleError } from './orm.server';",
      'Run the middleware of {orm} in root.tsx: export const middleware = [withEm].',
      'Loaders and actions find the EntityManager in context.get(emContext).',
    ],
  },
  sveltekit: {
    title: 'SvelteKit',
    base: () => 'src/lib/server',
    adapter: { example: 'examples/adapters/sveltekit.ts', file: 'orm.ts' },
    entities: 'entities',
    bundled: true,
    withoutTypeScript: 'npx sv create writes one; it extends $app/tsconfig.',
    use: [
      "Export the hooks of {orm} from src/hooks.server.ts: export { handle, handleError, init } from './lib/server/orm'; or combine handle with yours by sequence().",
      'Loads, actions and endpoints find the EntityManager in locals.em.',
    ],
  },
  'tanstack-start': {
    title: 'TanStack Start',
    base: () => 'src/server',
    adapter: { example: 'examples/adapters/tanstack-start.ts', file: 'orm.ts' },
    entities: 'entities',
    bundled: true,
    withoutTypeScript: 'npm create @tanstack/start writes one.',
    use: [
      "Make a src/server.ts: import handler from '@tanstack/react-start/server-entry'; await orm(); export default { fetch: withEm((request, options) => handler.fetch(request, options)) };",
      'Put a middleware around server functions in src/start.ts that throws forClient(error, context): node_modules/mikro-orm-web/docs/frameworks.md shows it.',
      'Server functions and server routes find the EntityManager in context.em.',
    ],
  },
};
