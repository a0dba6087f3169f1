import type { H3Event } from 'h3';
import { createOrmSingleton, mapOrmError, openEm, writeProblem, type EmOf } from 'mikro-orm-web';
import { defineNitroPlugin } from 'nitropack/runtime';
import config from '../mikro-orm.config';

/** The app's ORM. This file is server/plugins/orm.ts, which Nitro runs. */
export const orm = createOrmSingleton(config, { migrate: true });
// as the server starts; a request waits for it, and tries again where it failed
if (!import.meta.prerender) orm().catch(error => console.error('The database is not ready.', error));

declare module 'h3' {
  interface H3EventContext {
    em: EmOf<typeof orm>;
  }
}
const ends = new WeakMap<H3Event, () => void>();

/** `event.context.em`: the request's own EntityManager, which ends when the answer was sent or the client left. */
export default defineNitroPlugin(app => {
  app.hooks.hook('request', async event => {
    const { em, end } = await openEm(orm, { failOnUse: true }); // in a handler: Nitro ignores errors of this hook
    event.context.em = em;
    ends.set(event, end);
    event.node.res.once('close', end);
  });
  app.hooks.hook('afterResponse', event => ends.get(event)?.());
  app.hooks.hook('close', () => orm.close({ drain: 25_000 })); // Nitro has stopped listening, and sends Connection: close

  const { onError } = app.h3App.options;
  app.h3App.options.onError = async (error, event) => {
    ends.get(event)?.();
    const problem = mapOrmError(error.cause, { orm });
    if (!problem) return onError?.(error, event);
    // without the error's message, which holds values
    if (problem.status >= 500) console.error(problem.code, problem.entity, error.stack?.match(/^ +at .+/gm));
    if (!event.headers.get('accept')?.includes('text/html')) return writeProblem(event.node.res, problem);
    Object.assign(error, { statusCode: problem.status, statusMessage: problem.title, message: problem.title });
    return onError?.(error, event); // Nuxt's error page
  };
});
