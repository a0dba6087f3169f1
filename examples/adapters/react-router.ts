import { createOrmSingleton, mapOrmError, openEm, toProblemResponse, whenSent } from 'mikro-orm-web';
import type { EmOf, OrmProblem } from 'mikro-orm-web';
import { createContext } from 'react-router';
import type { HandleErrorFunction, MiddlewareFunction } from 'react-router';
import config from './mikro-orm.config';

/** The app's ORM. In entry.server.tsx: `await orm();`, so that it is open and migrated before the server listens. */
export const orm = createOrmSingleton(config, { migrate: true });
orm.closeOn(['SIGTERM', 'SIGINT'], { drain: 25_000 }); // react-router-serve stops listening
let isClosing = false;
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => (isClosing = true));

/** `context.get(emContext)` in loaders, actions and middleware: the request's own EntityManager. */
export const emContext = createContext<EmOf<typeof orm>>();
const problems = new WeakMap<object, OrmProblem>();

/** In root.tsx: `export const middleware = [withEm];`. The EntityManager ends when the last byte of the answer was sent. */
export const withEm: MiddlewareFunction<Response> = async ({ context }, next) => {
  const { em, end } = await openEm(orm, { failOnUse: true }); // in a loader, so that its ErrorBoundary is shown
  context.set(emContext, em);
  let answer = await next().catch(error => Promise.reject((end(), error)));
  const problem = problems.get(context);
  // a page shows its ErrorBoundary; what a resource route answers is plain text
  const isPage = !answer.headers.get('content-type')?.startsWith('text/plain');
  if (problem && isPage) answer = new Response(answer.body, { status: problem.status, headers: answer.headers });
  else if (problem) answer = toProblemResponse(problem);
  if (isClosing) answer.headers.set('connection', 'close'); // or clients that keep theirs would keep the server open
  return whenSent(answer, end);
};

/** In entry.server.tsx: `export { handleError } from './orm.server';`. Gives errors of the database their status. */
export const handleError: HandleErrorFunction = (error, { context, request }) => {
  const problem = mapOrmError(error, { orm, signal: request.signal });
  if (problem) problems.set(context, problem);
  else if (!request.signal.aborted) console.error(error);
  // the log gets no message of the database, which holds values
  if (problem && problem.status >= 500) console.error(problem.code, (error as Error).stack?.match(/^ +at .+/gm));
};
