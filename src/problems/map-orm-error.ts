import { classifyError, type Classified } from './classify-error.js';
import { readClues } from './drivers/mysql.js';
import { constraintIndexOf } from './metadata/constraint-index.js';
import { currentOrm, type OrmLike, type OrmOption } from './orm-option.js';
import { PROBLEMS, type OrmProblem, type OrmProblemCode } from './problem-codes.js';
import { read, viewOf } from './error-fields.js';
import type { Place } from './metadata/table-index.js';
import type { Verdict } from './verdict.js';

/** Options of {@link mapOrmError}. */
export interface MapOrmErrorOptions {
  /**
   * The ORM, or the singleton that holds it: adds `entity` and `properties`, from metadata, without a query.
   *
   * @default no `entity`, `properties` and `errors`
   */
  orm?: OrmOption | undefined;
  /**
   * The signal of the request. Once it is aborted, an error of the ORM or of the abort itself is `request-cancelled`.
   *
   * @default none
   */
  signal?: AbortSignal | undefined;
  /**
   * What `type` begins with; `code` follows. An address of your own documentation suits well.
   *
   * @default 'urn:mikro-orm-web:problem:'
   */
  typeBase?: string | undefined;
  /**
   * Another `status`, `title` or `type` for some codes.
   *
   * @default none
   */
  overrides?: Partial<Record<OrmProblemCode, ProblemOverride | undefined>> | undefined;
}

/** What an application may say differently about one code. */
export interface ProblemOverride {
  status?: number | undefined;
  title?: string | undefined;
  type?: string | undefined;
}

/**
 * What an error means to an HTTP client, or undefined if it is not the ORM's or the database's.
 *
 * Takes whatever was thrown and throws nothing. The driver's code decides, along `cause` and `AggregateError.errors`;
 * the result is built from a table and from metadata, so that it never contains SQL, values, names of constraints,
 * hosts or messages of the driver.
 *
 * @example
 * ```ts
 * import { mapOrmError, toProblemResponse } from 'mikro-orm-web';
 *
 * export function onError(error: unknown, request: Request): Response {
 *   const problem = mapOrmError(error, { signal: request.signal });
 *   if (problem === undefined) {
 *     throw error;
 *   }
 *   return toProblemResponse(problem);
 * }
 * ```
 */
export function mapOrmError(error: unknown, options: MapOrmErrorOptions = {}): OrmProblem | undefined {
  try {
    const { signal } = options;
    const orm = currentOrm(options.orm);
    const found = classifyError(error, orm);
    if (signal?.aborted && (found || error === signal.reason || /^(?:Abort|Timeout)Error$/.test(viewOf(error).name))) {
      return problemOf('request-cancelled', options);
    }
    const place = found && orm && placeOf(found, orm);
    return found && problemOf(place ? verdictAt(found, place) : found.verdict, options, place);
  } catch {
    return undefined; // nothing above is known to throw, and whoever maps errors can do without another one
  }
}

function problemOf(
  verdict: Verdict,
  { typeBase = 'urn:mikro-orm-web:problem:', overrides }: MapOrmErrorOptions,
  { entity, properties = [] }: Place = {},
): OrmProblem {
  const code = verdict === 'misconfigured' ? 'database-unavailable' : verdict;
  const { status, title, message, retryable, retryAfter } = PROBLEMS[code];
  const override = overrides?.[code];
  // Each property alone may be free: it is the combination that is taken.
  const together = code === 'unique-violation' && properties.length > 1 ? ' in this combination' : '';
  return {
    status: override?.status ?? status,
    code,
    type: override?.type ?? typeBase + code,
    title: override?.title ?? title,
    ...(entity && { entity }),
    ...(properties[0] && { properties: [...properties] }),
    ...(properties[0] && message && { errors: properties.map(path => ({ path, message: message + together })) }),
    retryable,
    ...(verdict === code && retryAfter && { retryAfter }),
  };
}

/** Entity and properties of what was found, if the metadata know them. */
function placeOf(found: Classified, orm: OrmLike): Place | undefined {
  try {
    const index = constraintIndexOf(orm);
    return index.find(readClues(found)) ?? index.locate(found, read(found.error, 'entity'));
  } catch {
    return undefined;
  }
}

/** What metadata make of it: whether a truncated value was an enum's, and which end of a foreign key is wrong. */
function verdictAt(found: Classified, { property }: Place): Verdict {
  const { verdict, thrown } = found;
  if (verdict === 'reference-violation' && property?.targetMeta) {
    // The key in the error is the child's if its parent is missing, and the parent's if children exist.
    const key = String(readClues(found).at(-1)?.columns);
    const [child, parent] = [String(property.fieldNames), String(property.referencedColumnNames)];
    const ends: Record<string, Verdict> = { [child]: 'reference-not-found', [parent]: 'resource-in-use' };
    return (child !== parent && ends[key]) || verdict;
  }
  return thrown.errno === '1265' && property?.enum ? 'check-violation' : verdict;
}
