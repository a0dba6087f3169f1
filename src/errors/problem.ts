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

/** The error table: one line a code, in the order of the documentation. */
// oxfmt-ignore
export const PROBLEMS: Readonly<Record<OrmProblemCode, ProblemMeaning>> = {
  'not-found':            { status: 404, retryable: false, title: 'Not found' },
  'unique-violation':     { status: 409, retryable: false, title: 'Already exists', message: 'is already taken' },
  'exclusion-violation':  { status: 409, retryable: false, title: 'Conflicts with an existing entry', message: 'conflicts with an existing entry' },
  'resource-in-use':      { status: 409, retryable: false, title: 'Still in use', message: 'still refers to it' },
  'reference-violation':  { status: 409, retryable: false, title: 'Breaks a reference', message: 'would become a broken reference' },
  'version-conflict':     { status: 409, retryable: false, title: 'Changed by someone else in the meantime' },
  'reference-not-found':  { status: 422, retryable: false, title: 'Refers to something that does not exist', message: 'does not exist' },
  'required':             { status: 422, retryable: false, title: 'Required value missing', message: 'must be set' },
  'check-violation':      { status: 422, retryable: false, title: 'Value not allowed', message: 'is not allowed' },
  'invalid-value':        { status: 422, retryable: false, title: 'Invalid value', message: 'is not valid' },
  'invalid-cursor':       { status: 400, retryable: false, title: 'Invalid cursor' },
  'forbidden':            { status: 403, retryable: false, title: 'Not allowed' },
  'transaction-conflict': { status: 503, retryable: true,  retryAfter: 1, title: 'Conflict with another transaction' },
  'lock-timeout':         { status: 503, retryable: true,  retryAfter: 1, title: 'Waited too long for a lock' },
  'database-overloaded':  { status: 503, retryable: true,  retryAfter: 1, title: 'Too many requests at once' },
  'database-unavailable': { status: 503, retryable: false, retryAfter: 5, title: 'Database unavailable' },
  'database-read-only':   { status: 503, retryable: false, retryAfter: 30, title: 'Database is read-only' },
  'query-timeout':        { status: 504, retryable: false, title: 'Query took too long' },
  'storage-full':         { status: 507, retryable: false, title: 'Storage full' },
  'request-cancelled':    { status: 499, retryable: false, title: 'Request cancelled' },
  'internal-error':       { status: 500, retryable: false, title: 'Internal error' },
};
