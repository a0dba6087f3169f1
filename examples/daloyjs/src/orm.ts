import type { App, Hooks } from '@daloyjs/core';
import { createOrmSingleton, mapOrmError, toProblemResponse, withRequestContext } from 'mikro-orm-web';
import config from './mikro-orm.config.ts';

/** The app's ORM: `await orm()`. One pool for the process; pending migrations run before the first one resolves. */
export const orm = createOrmSingleton(config, { migrate: true });

type Em = Awaited<ReturnType<typeof orm>>['em'];

declare module '@daloyjs/core' {
  interface AppState {
    /** This request's own EntityManager. */
    em: Em;
  }
}

/** Ends the context of a request, which a shutdown waits for. */
const ends = new WeakMap<Request, () => void>();

/**
 * For `new App({ hooks: ormHooks })`: hooks that are given there reach every route, whatever is registered first, and run
 * before all others. `app.use(ormHooks)` would reach only the routes that are registered after it.
 */
export const ormHooks: Hooks = {
  async beforeHandle({ request, routePath, state }) {
    if (routePath === undefined) return; // 404, 405 and preflights: no handler runs, and nothing would end the context
    state.em = await new Promise<Em>((resolve, reject) => {
      const untilSent = (em: Em) => new Promise<void>(end => (ends.set(request, end), resolve(em)));
      withRequestContext(orm, untilSent, {}).catch(reject); // with options: a fork, also where a caller's context runs
    });
  },

  onSend(_response, ctx) {
    if (ctx) ends.get(ctx.request)?.();
  },

  /** Errors of the ORM and of the database become `application/problem+json`; the rest is left to the framework. */
  onError(error, ctx) {
    if (ctx) ends.get(ctx.request)?.(); // here, too: another hook that throws on the error path would keep onSend from it
    const problem = mapOrmError(error, { orm, signal: ctx?.request.signal });
    if (!problem) return;
    if (problem.status >= 500) console.error(error);
    return toProblemResponse(problem, ctx && { instance: `urn:request:${ctx.state['requestId']}` });
  },
};

/** `app.ready()` rejects where the database does not answer or a migration fails; a shutdown closes the pool at last. */
export const ormPlugin = {
  name: 'mikro-orm',
  async register(app: App): Promise<void> {
    app.onClose(() => orm.close({ drain: 10_000 }));
    await orm();
  },
};
