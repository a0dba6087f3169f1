import type { OrmProblem } from './problem-codes.js';

/** Whatever the runtime's `Response` takes as headers. */
type HeadersLike = NonNullable<NonNullable<ConstructorParameters<typeof Response>[1]>['headers']>;

/** Options of {@link toProblemResponse}. */
export interface ProblemResponseInit {
  /**
   * URI of this very occurrence, for instance the path of the request.
   *
   * @default none
   */
  instance?: string | undefined;
  /**
   * Headers to add; `cache-control` and `retry-after` of your own are kept.
   *
   * @default none
   */
  headers?: HeadersLike | undefined;
}

/** Somebody else may be luckier, and so may the next try: a cache must not answer for the server. */
const NEVER_CACHED = new Set([409, 503]);

/**
 * The answer to a client: `application/problem+json` of RFC 9457, with `Retry-After` and `Cache-Control` where they
 * belong. `retryable` stays on the server, and so does everything else that an `OrmProblem` may carry.
 *
 * @throws RangeError if an override of the problem set a status that no response can have (200 to 599).
 *
 * @example
 * ```ts
 * import { mapOrmError, toProblemResponse } from 'mikro-orm-web';
 *
 * export function answer(error: unknown, request: Request): Response | undefined {
 *   const problem = mapOrmError(error);
 *   return problem && toProblemResponse(problem, { instance: new URL(request.url).pathname });
 * }
 * ```
 */
export function toProblemResponse(problem: OrmProblem, init: ProblemResponseInit = {}): Response {
  const { type, title, status, code, entity, properties, errors } = problem;
  const headers = new Headers(init.headers);
  headers.set('content-type', 'application/problem+json');
  if (NEVER_CACHED.has(status) && !headers.has('cache-control')) {
    headers.set('cache-control', 'no-store');
  }
  if (problem.retryAfter !== undefined && !headers.has('retry-after')) {
    headers.set('retry-after', String(Math.ceil(problem.retryAfter)));
  }
  const fields = errors?.map(({ path, message }) => ({ path, message }));
  const body = { type, title, status, code, instance: init.instance, entity, properties, errors: fields };
  return new Response(JSON.stringify(body), { status, headers });
}
