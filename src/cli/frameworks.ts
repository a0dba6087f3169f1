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

export const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  daloyjs: {
    title: 'DaloyJS',
    base: app => (has(app, 'src') ? 'src' : '.'),
    adapter: { example: 'examples/daloyjs/src/orm.ts', file: 'orm.ts' },
    entities: 'entities',
    bundled: false,
    withoutTypeScript: 'Node.js 22.18 or later runs them as they are, and JavaScript imports them with their .ts.',
    use: [
      'Pass ormHooks of {orm} to the routes that use the database: app.register(users, { hooks: ormHooks }).',
      'Their handlers find the EntityManager in state.em. Errors of the database become problem details.',
      'Register ormPlugin in the server, before app.ready(): app.register(ormPlugin).',
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
};
