import type { FieldErrors } from './schema.ts';

export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail?: string;
  errors?: FieldErrors;
  [key: string]: unknown;
}

/** Thrown anywhere, it becomes `application/problem+json`. */
export class HttpError extends Error {
  readonly status: number;
  readonly problem: ProblemDetails;
  readonly headers: Record<string, string>;

  constructor(
    status: number,
    problem: Partial<ProblemDetails> & { title: string },
    headers: Record<string, string> = {},
  ) {
    super(problem.title);
    this.status = status;
    this.problem = { type: `https://httpstatuses.io/${status}`, ...problem, status };
    this.headers = headers;
  }

  toResponse({ requestId }: { requestId?: string } = {}): Response {
    const body = { ...this.problem, ...(requestId && { instance: `urn:request:${requestId}` }) };
    const headers = { 'content-type': 'application/problem+json', ...this.headers };
    return new Response(JSON.stringify(body), { status: this.status, headers });
  }
}

const documented = (name: string) => `https://daloyjs.dev/errors/${name}`;

export const badRequest = (detail: string) =>
  new HttpError(400, { type: documented('bad-request'), title: 'Bad Request', detail });
export const notFound = (detail: string) =>
  new HttpError(404, { type: documented('not-found'), title: 'Not Found', detail });
export const methodNotAllowed = (allow: string) =>
  new HttpError(405, { type: documented('method-not-allowed'), title: 'Method Not Allowed' }, { allow });
export const unsupportedMediaType = () =>
  new HttpError(415, { type: documented('unsupported-media-type'), title: 'Unsupported Media Type' });
export const invalid = (where: string, errors: FieldErrors) =>
  new HttpError(422, {
    type: documented('validation'),
    title: 'Request validation failed',
    detail: `Invalid ${where}`,
    errors,
  });
export const internal = (detail: string) =>
  new HttpError(500, { type: documented('internal'), title: 'Internal Server Error', detail });
export const shuttingDown = () =>
  new HttpError(
    503,
    { type: documented('shutting-down'), title: 'Service Unavailable' },
    { 'retry-after': '5', connection: 'close' },
  );
