import type { MiddlewareHandler } from 'astro';
import { createOrmSingleton, mapOrmError, openEm, toProblemResponse, whenSent, type EmOf } from 'mikro-orm-web';
import config from './mikro-orm.config';

/** The app's ORM. Astro has no hook for its start: the first request opens and migrates, so let a health check be that. */
export const orm = createOrmSingleton(config, { migrate: true });
orm.closeOn(['SIGTERM', 'SIGINT'], { drain: 25_000 });
let isClosing = false;
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => (isClosing = true));

declare global {
  namespace App {
    interface Locals {
      em: EmOf<typeof orm>;
    }
  }
}

/** In middleware.ts: `export { onRequest } from './orm';`. `Astro.locals.em` lasts until the last byte was sent. */
export const onRequest: MiddlewareHandler = async (context, next) => {
  if (context.isPrerendered) return next(); // the build asks no database
  const { em, end } = await openEm(orm, { failOnUse: true }); // so that 500.astro is shown
  context.locals.em = em;
  const answer = await next()
    .catch(error => problemOf(error, context, () => next('/500')))
    .catch(error => Promise.reject((end(), error)));
  if (isClosing) answer.headers.set('connection', 'close'); // or clients that keep theirs would keep the server open
  return whenSent(answer, end);
};

/** Gives errors of the database their status: pages show 500.astro, and endpoints answer problem details. */
async function problemOf(error: Error, { request }: { request: Request }, page: () => Promise<Response>) {
  const problem = mapOrmError(error, { orm, signal: request.signal });
  if (!problem) throw error; // Astro answers; the log of a problem gets no message, which holds values
  if (problem.status >= 500) console.error(problem.code, problem.entity, error.stack?.match(/^ +at .+/gm));
  if (!request.headers.get('accept')?.includes('text/html')) return toProblemResponse(problem);
  const { body, headers } = await page();
  return new Response(body, { status: problem.status, headers });
}
