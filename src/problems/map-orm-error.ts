import { isAfterCommit } from './after-commit.js';
import { classifyError, type ClassifiedError } from './classify-error.js';
import type { Clue } from './drivers/driver.js';
import { fieldsOf, read } from './error-fields.js';
import { constraintIndexOf, type ConstraintIndex } from './metadata/constraint-index.js';
import type { AnyOrm } from '../orm-source.js';
import { currentOrm, type OrmOption } from './orm-option.js';
import { PROBLEMS, type OrmProblem, type OrmProblemCode } from './problem-codes.js';
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
  /** Of the answer. @default the code's, as the README lists them */
  status?: number | undefined;
  /** For a person, without anything of this very occurrence. */
  title?: string | undefined;
  /** The URI that identifies the problem. @default `typeBase` and the code */
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
    if (
      signal?.aborted &&
      (found || error === signal.reason || /^(?:Abort|Timeout)Error$/.test(fieldsOf(error).name))
    ) {
      return problemOf({ verdict: 'request-cancelled' }, options);
    }
    // names that the ORM's message has are certain only if the metadata know them
    const problem = found && problemOf(orm ? withMetadata(found, orm) : { verdict: found.verdict }, options);
    return problem?.retryable && isAfterCommit(error) ? problemOf({ verdict: 'internal-error' }, options) : problem;
  } catch {
    return undefined; // nothing above is known to throw, and code that maps errors must not get another one
  }
}

/** What an error means, and where. */
interface Finding extends Pick<Place, 'entity' | 'properties'> {
  readonly verdict: Verdict;
}

function problemOf(
  { verdict, entity, properties = [] }: Finding,
  { typeBase = 'urn:mikro-orm-web:problem:', overrides }: MapOrmErrorOptions,
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

/** What metadata add: entity and properties, and what only they can tell about the error. */
function withMetadata(found: ClassifiedError, orm: AnyOrm): Finding {
  const { driver, fields, verdict, error } = found;
  try {
    const index = constraintIndexOf(orm);
    const clues = driver?.clues(fields, verdict, error) ?? [];
    const place = index.find(clues) ?? index.locate(found, read(error, 'entity'));
    return {
      verdict: verdictAt(found, clues, index, place),
      entity: place?.entity,
      properties: place?.properties,
    };
  } catch {
    return { verdict };
  }
}

function verdictAt(
  { verdict, fields }: ClassifiedError,
  clues: readonly Clue[],
  index: ConstraintIndex,
  { property }: Place = {},
): Verdict {
  if (verdict === 'required') {
    // A column that no entity has is filled by the server or by nobody: a client cannot know it.
    const named = clues.find(({ columns }) => columns?.some(Boolean));
    return named && !index.hasColumns(named) ? 'internal-error' : verdict;
  }
  if (verdict === 'reference-violation' && property?.targetMeta) {
    // The key in the error is the child's if its parent is missing, and the parent's if children exist.
    const key = String(clues.at(-1)?.columns);
    const [child, parent] = [String(property.fieldNames), String(property.referencedColumnNames)];
    const ends: Record<string, Verdict> = { [child]: 'reference-not-found', [parent]: 'resource-in-use' };
    return (child !== parent && ends[key]) || verdict;
  }
  // Of MySQL and MariaDB: a truncated value may be an enum's, and a key out of range is one that the database counted.
  const atProperty: Record<string, Verdict | false | undefined> = {
    1265: property?.enum && 'check-violation',
    1264: property?.autoincrement && 'internal-error',
  };
  return atProperty[fields.errno] || verdict;
}
