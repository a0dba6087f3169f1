import { createOrmSingleton, mapOrmError, toProblemResponse, withRequestContext } from 'mikro-orm-web';
import { after, connection } from 'next/server';
import { cache } from 'react';
import config from '../mikro-orm.config';

/** The app's ORM: `await orm()`. One pool for the process; pending migrations run before the first one resolves. */
export const orm = createOrmSingleton(config, { migrate: true });

type Em = Awaited<ReturnType<typeof orm>>['em'];

/** For route handlers, server actions and `after()`: one EntityManager for the unit of work. */
export function withEm<T>(work: (em: Em) => T | Promise<T>): Promise<T> {
  return withRequestContext(orm, work);
}

/** For layouts, pages, `generateMetadata` and their Suspense children: one EntityManager for the whole render. */
export const getEm = cache(async (): Promise<Em> => {
  await connection(); // rendering waits for a request here, so that `next build` never touches the database
  return new Promise<Em>((resolve, reject) => {
    withEm(em => {
      resolve(em);
      return new Promise<void>(sent => after(sent)); // so that a shutdown waits for pages that are still streaming
    }).catch(reject);
  });
});

/** Wraps a route handler: errors of the ORM, of the database and of validators become `application/problem+json`. */
export function problem<Args extends [request: Request, ...unknown[]]>(
  handler: (...args: Args) => Response | Promise<Response>,
): (...args: Args) => Promise<Response> {
  return async (...args) => {
    try {
      return await handler(...args);
    } catch (error) {
      if (error instanceof Response) return error; // a handler may throw its answer
      const invalid = validationErrors(error);
      if (invalid) return problemResponse(422, 'Invalid input', invalid);
      const found = mapOrmError(error, { orm, signal: args[0].signal });
      if (!found) throw error; // not the database's: a bug, or a redirect() or notFound() of Next.js
      if (found.status >= 500) console.error(error);
      return toProblemResponse(found);
    }
  };
}

/** The body of a request; what is no JSON is answered with 400. */
export function readJson(request: Request): Promise<unknown> {
  return request.json().catch(() => Promise.reject(problemResponse(400, 'Malformed JSON')));
}

/** The answer for a problem that is not the database's. */
export function problemResponse(status: number, title: string, errors?: FieldError[]): Response {
  const headers = { 'content-type': 'application/problem+json' };
  return Response.json({ type: 'about:blank', status, title, errors }, { status, headers });
}

export type FieldError = { path: string; message: string };

/** What zod, valibot and other validators throw: an error with `issues`. */
function validationErrors(error: unknown): FieldError[] | undefined {
  if (!(error instanceof Error) || !('issues' in error) || !Array.isArray(error.issues)) return undefined;
  return error.issues.map(({ path = [], message }) => ({ path: path.join('.'), message }));
}
