import type { Handle, HandleServerError, ServerInit } from '@sveltejs/kit/hooks';
import { createOrmSingleton, mapOrmError, openEm, toProblemResponse, whenSent } from 'mikro-orm-web';
import type { EmOf, OrmProblem } from 'mikro-orm-web';
import config from './mikro-orm.config';

/** The app's ORM. In hooks.server.ts: `export { handle, handleError, init } from './lib/server/orm';` */
export const orm = createOrmSingleton(config, { migrate: true });
orm.closeOn(['SIGTERM', 'SIGINT'], { drain: 25_000 }); // adapter-node stops listening, and waits for answers under way

declare global {
  namespace App {
    interface Locals {
      em: EmOf<typeof orm>;
      problem?: OrmProblem;
    }
  }
}

/** Opens and migrates the database before the first request. */
export const init: ServerInit = async () => void (await orm());

/** `event.locals.em`: the request's own EntityManager, in loads, actions and endpoints, until the last byte was sent. */
export const handle: Handle = async ({ event, resolve }) => {
  const { em, end } = await openEm(orm, { failOnUse: true }); // or +error.svelte would not be shown
  event.locals.em = em;
  const answer = await Promise.resolve(resolve(event)).catch(error => Promise.reject((end(), error)));
  const wantsPage = event.isDataRequest || event.request.headers.get('accept')?.includes('text/html');
  if (!event.locals.problem || wantsPage) return whenSent(answer, end);
  end();
  return toProblemResponse(event.locals.problem);
};

/** Gives errors of the database their status: pages show +error.svelte, and endpoints answer problem details. */
export const handleError: HandleServerError = ({ error, event, kind }) => {
  const problem = kind === 'unknown' ? mapOrmError(error, { orm, signal: event.request.signal }) : undefined;
  if (kind === 'unknown' && !problem) console.error(error); // the log of a problem gets no message, which holds values
  if (problem && problem.status >= 500) console.error(problem.code, (error as Error).stack?.match(/^ +at .+/gm));
  event.locals.problem = problem!;
  return problem && { status: problem.status, message: problem.title };
};
