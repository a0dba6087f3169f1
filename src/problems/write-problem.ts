import { answerFor, type ProblemResponseInit } from './problem-answer.js';
import type { OrmProblem } from './problem-codes.js';

/** What {@link writeProblem} needs of a response: those of Node.js (HTTP/1 and 2), Express and NestJS, and Fastify's `reply.raw`. */
export interface ProblemTarget {
  readonly headersSent: boolean;
  readonly writableEnded?: boolean | undefined;
  statusCode: number;
  getHeader(name: string): unknown;
  setHeader(name: string, value: string): unknown;
  removeHeader(name: string): void;
  end(body: string): unknown;
  destroy(): unknown;
}

/** Headers that describe the answer which failed, and would be wrong for the problem. */
const OF_THE_CONTENT = [
  'accept-ranges',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-range',
  'etag',
  'expires',
  'last-modified',
  'trailer',
  'transfer-encoding',
];

/**
 * Writes a problem to a Node.js response, as {@link toProblemResponse} makes one for `fetch`. Headers that middlewares have
 * set stay (cookies, CORS); those of the content that could not be sent go, and so does a `cache-control` that would let the
 * problem be cached in its place.
 *
 * If the headers were sent already, no status can tell the client any more: the connection is cut, so that it does not take
 * the part it has for the whole. An answer that was complete stays.
 *
 * @throws RangeError if an override of the problem set a status that no response can have (200 to 599).
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { mapOrmError, withRequestContext, writeProblem } from 'mikro-orm-web';
 * import { User } from './entities';
 * import { orm } from './orm';
 *
 * export const server = createServer(async (req, res) => {
 *   try {
 *     res.end(String(await withRequestContext(orm, em => em.count(User))));
 *   } catch (error) {
 *     const problem = mapOrmError(error, { orm });
 *     if (problem) writeProblem(res, problem, { instance: req.url });
 *     else res.writeHead(500).end();
 *   }
 * });
 * ```
 */
export function writeProblem(res: ProblemTarget, problem: OrmProblem, init?: ProblemResponseInit): void {
  const { status, headers, body } = answerFor(problem, init);
  if (!(status >= 200 && status <= 599)) {
    throw new RangeError(`A response has a status from 200 to 599, and the problem has ${status}.`);
  }
  if (res.writableEnded) {
    return;
  }
  if (res.headersSent) {
    res.destroy();
    return;
  }
  for (const name of OF_THE_CONTENT) {
    res.removeHeader(name);
  }
  if (!/\bno-store\b/i.test(String(res.getHeader('cache-control')))) {
    res.removeHeader('cache-control');
  }
  res.statusCode = status;
  for (const [name, value] of headers) {
    res.setHeader(name, value);
  }
  res.end(body);
}
