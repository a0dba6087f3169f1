import { createOrmSingleton, mapOrmError, openEm, toProblemResponse, whenSent } from 'mikro-orm-web';
import type { EmOf, OrmProblem } from 'mikro-orm-web';
import config from './mikro-orm.config';

/** The app's ORM. In server.ts: `await orm(); export default { fetch: withEm(handler.fetch) };` */
export const orm = createOrmSingleton(config, { migrate: true });
orm.closeOn(['SIGTERM', 'SIGINT'], { drain: 25_000 }); // srvx stops listening
let isClosing = false;
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => (isClosing = true));

/** `context.em` in server functions and routes: the request's own EntityManager, until the last byte was sent. */
export type Context = { em: EmOf<typeof orm>; failure: { problem?: OrmProblem | undefined } };
declare module '@tanstack/react-start' {
  interface Register {
    server: { requestContext: Context };
  }
}

export function withEm(fetch: (request: Request, options: { context: Context }) => Response | Promise<Response>) {
  return async (request: Request): Promise<Response> => {
    const { em, end } = await openEm(orm, { failOnUse: true }); // so that the errorComponent is shown
    const context: Context = { em, failure: {} };
    let answer = await Promise.resolve(fetch(request, { context })).catch(e => Promise.reject((end(), e)));
    const { problem } = context.failure; // a page shows its errorComponent, a server function rejects
    const isRoute =
      !/text\/html/.test(`${answer.headers.get('content-type')}`) && !request.headers.has('x-tsr-serverFn');
    if (problem && isRoute) answer = toProblemResponse(problem);
    else if (problem) answer = new Response(answer.body, { status: problem.status, headers: answer.headers });
    if (isClosing) answer.headers.set('connection', 'close'); // or clients that keep theirs would keep the server open
    return whenSent(answer, end);
  };
}

/** In start.ts, for what a middleware around functions or routes catches: the page would show the database's message. */
export function forClient(error: unknown, { failure }: Context): unknown {
  failure.problem = mapOrmError(error, { orm }); // the log gets no message, which holds values
  if ((failure.problem?.status ?? 0) >= 500) console.error((error as Error).stack?.match(/^ +at .+/gm));
  return failure.problem ? new Error(failure.problem.title) : error;
}
