/** What went wrong, in one word that a client can switch on. `PROBLEMS` says what each one means over HTTP. */
export type OrmProblemCode =
  | 'not-found'
  | 'unique-violation'
  | 'exclusion-violation'
  | 'resource-in-use'
  | 'reference-violation'
  | 'version-conflict'
  | 'reference-not-found'
  | 'required'
  | 'check-violation'
  | 'invalid-value'
  | 'invalid-cursor'
  | 'forbidden'
  | 'transaction-conflict'
  | 'lock-timeout'
  | 'database-overloaded'
  | 'database-unavailable'
  | 'database-read-only'
  | 'query-timeout'
  | 'storage-full'
  | 'request-cancelled'
  | 'internal-error';

/**
 * An error of the ORM or the database as a client may see it: RFC 9457, plus what a server needs to react.
 *
 * @example
 * ```ts
 * import { mapOrmError, type OrmProblem } from 'mikro-orm-web';
 *
 * export function isDuplicate(error: unknown): boolean {
 *   const problem: OrmProblem | undefined = mapOrmError(error);
 *   return problem?.code === 'unique-violation';
 * }
 * ```
 */
export interface OrmProblem {
  /** HTTP status. */
  status: number;
  /** What went wrong, stable across drivers, databases and languages. */
  code: OrmProblemCode;
  /** URI of the kind of problem: `typeBase` and `code`. */
  type: string;
  /** The kind of problem in a few English words, the same for each `code`. */
  title: string;
  /** Class name of the entity, where the database named enough to find it in the metadata. */
  entity?: string | undefined;
  /** Properties of `entity` (`address.zipCode` for an embedded one), where they are certain. */
  properties?: string[] | undefined;
  /** One entry for each of `properties`, in words for a person and without values. */
  errors?: { path: string; message: string }[] | undefined;
  /** Whether the server may run the whole unit of work again now, on a fresh fork. Not for the client. */
  retryable: boolean;
  /** Seconds after which the client may try again: the `Retry-After` header. */
  retryAfter?: number | undefined;
}

/** What one code means over HTTP. */
export interface ProblemMeaning {
  readonly status: number;
  readonly retryable: boolean;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
  readonly title: string;
  /** What `errors` says about each property, if the code is one that a property can cause. */
  readonly message?: string | undefined;
}

/** The request has to change: each property that is at fault gets `message`. */
const refuse = (status: number, title: string, message?: string): ProblemMeaning => ({
  status,
  title,
  message,
  retryable: false,
});

/** The server could not: a client may come back after `retryAfter` seconds, where that may help. */
const fail = (status: number, title: string, retryAfter?: number, retryable = false): ProblemMeaning => ({
  status,
  title,
  retryAfter,
  retryable,
});

/** The error table: one line a code, in the order of the documentation. */
// oxfmt-ignore
export const PROBLEMS: Readonly<Record<OrmProblemCode, ProblemMeaning>> = {
  'not-found':            refuse(404, 'Not found'),
  'unique-violation':     refuse(409, 'Already exists', 'is already taken'),
  'exclusion-violation':  refuse(409, 'Conflicts with an existing entry', 'conflicts with an existing entry'),
  'resource-in-use':      refuse(409, 'Still in use', 'still refers to it'),
  'reference-violation':  refuse(409, 'Breaks a reference', 'would become a broken reference'),
  'version-conflict':     refuse(409, 'Changed by someone else in the meantime'),
  'reference-not-found':  refuse(422, 'Refers to something that does not exist', 'does not exist'),
  'required':             refuse(422, 'Required value missing', 'must be set'),
  'check-violation':      refuse(422, 'Value not allowed', 'is not allowed'),
  'invalid-value':        refuse(422, 'Invalid value', 'is not valid'),
  'invalid-cursor':       refuse(400, 'Invalid cursor'),
  'forbidden':            refuse(403, 'Not allowed'),
  'transaction-conflict': fail(503, 'Conflict with another transaction', 1, true),
  'lock-timeout':         fail(503, 'Waited too long for a lock', 1, true),
  'database-overloaded':  fail(503, 'Too many requests at once', 1, true),
  'database-unavailable': fail(503, 'Database unavailable', 5),
  'database-read-only':   fail(503, 'Database is read-only', 30),
  'query-timeout':        fail(504, 'Query took too long'),
  'storage-full':         fail(507, 'Storage full'),
  'request-cancelled':    fail(499, 'Request cancelled'),
  'internal-error':       fail(500, 'Internal error'),
};
