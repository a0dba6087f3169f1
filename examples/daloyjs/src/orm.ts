import type { App, Hooks } from '@daloyjs/core';
import { createOrmSingleton, mapOrmError, openEm, toProblemResponse } from 'mikro-orm-web';
import type { EmOf, OrmProblem } from 'mikro-orm-web';
import config from './mikro-orm.config.ts';

/** The app's ORM: `await orm()`. One pool for the process; pending migrations run before the first call resolves. */
export const orm = createOrmSingleton(config, { migrate: true });

declare module '@daloyjs/core' {
  interface AppState {
    /** The request's own EntityManager, on routes that have `ormHooks`. */
    em: EmOf<typeof orm>;
  }
}

/** What ends a request's unit of work, which a shutdown waits for. Keyed by `ctx.state`, of which each request has its own. */
const ends = new WeakMap<object, () => void>();

/**
 * For the routes that use the database: `app.register(users, { hooks: ormHooks })`. All others, such as health and docs, work
 * without it. `app.use(ormHooks)` reaches the routes that are registered after it, `new App({ hooks: ormHooks })` all of them.
 */
export const ormHooks: Hooks = {
  async beforeHandle({ routePath, state }) {
    if (routePath === undefined) return; // 404, 405 and preflights: no handler runs, and nothing would end what is opened
    if (ends.has(state)) return; // these hooks are registered twice, for the app and for a group
    const { em, end } = await openEm(orm);
    ends.set(state, end);
    state.em = em;
  },

  onSend(_response, ctx) {
    if (ctx) ends.get(ctx.state)?.();
  },

  /** Errors of the ORM and of the database become `application/problem+json`; the framework answers all others. */
  onError(error, ctx) {
    if (ctx) ends.get(ctx.state)?.(); // here, too: another hook that throws on the error path would keep onSend from it
    const problem = mapOrmError(error, { orm, signal: ctx?.request.signal });
    if (!problem) return;
    if (problem.status >= 500) logProblem(problem, error);
    return toProblemResponse(problem, ctx && { instance: `urn:request:${ctx.state['requestId']}` });
  },
};

/** For the server, and not for `buildApp()`: opens and migrates the database. `app.ready()` rejects if that fails. */
export const ormPlugin = {
  name: 'mikro-orm',
  async register(app: App): Promise<void> {
    app.onClose(() => orm.close({ drain: 10_000 }));
    await orm();
  },
};

/** Logs a problem in one line. The error itself holds values in its message, `sql` and `detail`: they stay out. */
function logProblem({ code, entity, properties }: OrmProblem, error: unknown): void {
  console.error(JSON.stringify({ problem: code, entity, properties, ...withoutValues(error) }));
}

function withoutValues(error: unknown): object | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, code, message, stack = '', cause } = error as Error & { code?: unknown };
  const lines = stack.split('\n').map(line => line.trim());
  // a value may span lines, and one of them may look like a frame
  const frames = lines.filter(line => /^at .+:\d+:\d+\)?$/.test(line) && !message.includes(line));
  return { error: name, code, stack: frames, cause: withoutValues(cause) };
}
