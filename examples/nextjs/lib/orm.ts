import { createOrmSingleton, mapOrmError, openEm, toProblemResponse, withRequestContext } from 'mikro-orm-web';
import type { EmOf, OrmProblem } from 'mikro-orm-web';
import { PHASE_PRODUCTION_BUILD } from 'next/constants';
import { after, connection } from 'next/server';
import { cache } from 'react';
import config from '../mikro-orm.config';

/** The app's ORM: `await orm()`. One pool for the process; pending migrations run before the first call resolves. */
export const orm = createOrmSingleton(config, { migrate: true });

export type Em = EmOf<typeof orm>;

/** For layouts, pages, `generateMetadata` and their Suspense children: one EntityManager for the whole render. */
export const getEm = cache(async (): Promise<Em> => {
  await connection(); // waits for a request, so `next build` never touches the database
  const { em, end } = await openEm(orm);
  after(end); // a shutdown waits until the page was sent; runs also if the client leaves or the render fails
  return em;
});

/** For route handlers, server actions and `after()`: a new EntityManager, which ends with `work`. */
export function withEm<T>(work: (em: Em) => T | Promise<T>): Promise<T> {
  return withRequestContext(orm, work, { inherit: false }); // joins no other, not even that of a caller
}

/** Wraps a route handler: errors of the ORM and of the database become `application/problem+json`. */
export function withProblems<Args extends [request: Request, ...unknown[]]>(
  handler: (...args: Args) => Response | Promise<Response>,
): (...args: Args) => Promise<Response> {
  return async (...args) => {
    try {
      // with `cacheComponents`, `next build` calls GET handlers, too: they wait here for a request
      if (process.env.NEXT_PHASE === PHASE_PRODUCTION_BUILD) await connection();
      return await handler(...args);
    } catch (error) {
      if (error instanceof Response) return error; // a handler may throw its answer
      const problem = mapOrmError(error, { orm, signal: args[0].signal });
      if (!problem) throw error; // not the database's: a bug, or a redirect() or notFound() of Next.js
      if (problem.status >= 500) logProblem(problem, error);
      return toProblemResponse(problem);
    }
  };
}

/** Logs a problem in one line. The error itself holds values in its message, `sql` and `detail`: they stay out. */
export function logProblem({ code, entity, properties }: OrmProblem, error: unknown): void {
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

/** The JSON body of a request, checked by `schema`. Anything else is answered with 400 or 422. */
export async function readJson<T>(request: Request, schema: Schema<T>): Promise<T> {
  const body = await request.json().catch(() => Promise.reject(problemResponse(400, 'Malformed JSON')));
  return parse(schema, body);
}

/** Checks what a client sent; throws the answer, which names each wrong field. */
export async function parse<T>(schema: Schema<T>, input: unknown): Promise<T> {
  const result = await schema['~standard'].validate(input);
  if (!result.issues) return result.value;
  const errors = result.issues.map(({ path = [], message }) => {
    const keys = path.map(part => String(typeof part === 'object' ? part.key : part));
    return { path: keys.join('.'), message };
  });
  throw problemResponse(422, 'Invalid input', errors);
}

/** The answer for a problem that is not the database's. */
export function problemResponse(status: number, title: string, errors?: FieldError[]): Response {
  const headers = { 'content-type': 'application/problem+json' };
  return Response.json({ type: 'about:blank', status, title, errors }, { status, headers });
}

export type FieldError = { path: string; message: string };

/** What zod, valibot, arktype and others have in common: https://standardschema.dev */
type Schema<T> = { '~standard': { validate(input: unknown): Checked<T> | Promise<Checked<T>> } };
type Checked<T> = { value: T; issues?: undefined } | { issues: readonly Issue[] };
type Issue = { message: string; path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined };
