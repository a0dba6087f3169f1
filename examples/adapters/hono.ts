import type { ErrorHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import { HTTPException } from 'hono/http-exception';
import { createOrmSingleton, mapOrmError, openEm, toProblemResponse, whenSent, type EmOf } from 'mikro-orm-web';
import config from './mikro-orm.config.ts';

/** The app's ORM. At boot: `await orm(); closeWith(serve({ fetch: app.fetch }));` */
export const orm = createOrmSingleton(config, { migrate: true });
orm.closeOn(['SIGTERM', 'SIGINT'], { drain: 25_000 });
let isClosing = false;

declare module 'hono' {
  interface ContextVariableMap {
    em: EmOf<typeof orm>;
  }
}

/** `app.use(withEm)`: `c.get('em')` is the request's own EntityManager, which ends when the answer was sent. */
export const withEm = createMiddleware(async (c, next) => {
  const { em, end } = await openEm(orm); // joins nothing: app.request() in a handler is a request of its own
  c.set('em', em);
  await next().catch(error => Promise.reject((end(), error)));
  if (isClosing) c.header('connection', 'close'); // or clients that keep theirs would keep the server open
  c.res = c.req.method === 'HEAD' ? (end(), c.res) : whenSent(c.res, end);
});

/** `app.onError(onError)`: errors of the ORM and of the database become problem details, others stay Hono's. */
export const onError: ErrorHandler = (error, c) => {
  const problem = mapOrmError(error, { orm, signal: c.req.raw.signal });
  if (!problem && error instanceof HTTPException) return error.getResponse();
  if (!problem) return (console.error(error), c.text('Internal Server Error', 500)); // as Hono does
  // without the error's message, which holds values
  if (problem.status >= 500) console.error(problem.code, problem.entity, error.stack?.match(/^ +at .+/gm));
  return toProblemResponse(problem);
};

/** Stops listening at SIGTERM and SIGINT; the process ends after the last answer. */
export function closeWith(server: { close(): unknown }): void {
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => (server.close(), (isClosing = true)));
}
