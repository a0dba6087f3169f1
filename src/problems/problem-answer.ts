import type { OrmProblem } from './problem-codes.js';

/** Whatever the runtime's `Response` takes as headers. */
type HeadersLike = NonNullable<NonNullable<ConstructorParameters<typeof Response>[1]>['headers']>;

/** Options of {@link toProblemResponse} and {@link writeProblem}. */
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

/** What goes to the client. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Somebody else may be luckier, and so may the next try: a cache must not answer for the server. */
const NEVER_CACHED = new Set([409, 503]);

/**
 * The answer to a client, whatever writes it. It holds the members that a client may see, and no others: `retryable` stays on
 * the server, and so does everything else that somebody added to the problem.
 */
export function answerFor(problem: OrmProblem, init: ProblemResponseInit = {}): ProblemAnswer {
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
  return { status, headers, body: JSON.stringify(body) };
}
