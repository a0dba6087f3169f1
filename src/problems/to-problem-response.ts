import { answerFor, type ProblemResponseInit } from './problem-answer.js';
import type { OrmProblem } from './problem-codes.js';

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
export function toProblemResponse(problem: OrmProblem, init?: ProblemResponseInit): Response {
  const { status, headers, body } = answerFor(problem, init);
  return new Response(body, { status, headers });
}
