import { classifyError, type Classified } from './classify-error.js';
import { readClues } from './constraint-clues.js';
import { constraintIndexOf } from './constraint-index.js';
import { currentOrm, type OrmLike, type OrmOption } from './orm-option.js';
import { PROBLEMS, type OrmProblem, type OrmProblemCode } from './problem.js';
import { read } from './safe-read.js';
import type { Place } from './table-index.js';

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
    const orm = currentOrm(options.orm);
    const found = classifyError(error, orm);
    if (options.signal?.aborted && (found !== undefined || isAbort(error, options.signal))) {
      return problemOf('request-cancelled', options);
    }
    if (found === undefined) {
      return undefined;
    }
    const place = orm === undefined ? undefined : placeOf(found, orm);
    return problemOf(codeAt(found, place), options, found.permanent, place);
  } catch {
    return undefined; // nothing above is known to throw, and whoever maps errors can do without another one
  }
}

function problemOf(
  code: OrmProblemCode,
  { typeBase = 'urn:mikro-orm-web:problem:', overrides }: MapOrmErrorOptions,
  permanent = false,
  place?: Partial<Place>,
): OrmProblem {
  const { status, title, message, retryable, retryAfter } = PROBLEMS[code];
  const override = overrides?.[code];
  const properties = place?.properties?.length ? [...place.properties] : undefined;
  return {
    status: override?.status ?? status,
    code,
    type: override?.type ?? typeBase + code,
    title: override?.title ?? title,
    ...(place?.entity !== undefined && { entity: place.entity }),
    ...(properties && { properties }),
    ...(properties &&
      message !== undefined && {
        errors: properties.map(path => ({ path, message: inWords(message, code, properties) })),
      }),
    retryable,
    ...(retryAfter !== undefined && !permanent && { retryAfter }),
  };
}

/** Each property alone may be free: it is the combination that is taken. */
const inWords = (message: string, code: OrmProblemCode, properties: readonly string[]): string =>
  code === 'unique-violation' && properties.length > 1 ? `${message} in this combination` : message;

/** The rejection of the signal itself, or what a runtime throws for it. */
const isAbort = (error: unknown, signal: AbortSignal): boolean =>
  error === signal.reason || ['AbortError', 'TimeoutError'].includes(read(error, 'name') as string);

/** Entity and properties of what was found, if the metadata know them. */
function placeOf(found: Classified, orm: OrmLike): Partial<Place> | undefined {
  try {
    const index = constraintIndexOf(orm);
    if (found.driver !== undefined) {
      return index.find(readClues(found.driver, found.error));
    }
    const entity = index.entity(found.entityName) ?? index.entityOf(found.instance);
    const property = entity && found.propertyName ? index.property(entity, found.propertyName) : undefined;
    return { entity, properties: property === undefined ? [] : [property] };
  } catch {
    return undefined;
  }
}

/** What metadata make of the code: whether a truncated value was an enum's, and which end of a foreign key is wrong. */
function codeAt({ code, driver, error }: Classified, place: Partial<Place> | undefined): OrmProblemCode {
  if (code === 'invalid-value' && driver?.kind === 'mysql' && driver.errno === 1265 && place?.enumeration) {
    return 'check-violation';
  }
  if (code === 'reference-violation' && driver !== undefined && place?.foreign !== undefined) {
    const { columns, referenced } = place.foreign;
    const key = readClues(driver, error)
      .find(clue => clue.columns !== undefined)
      ?.columns?.join();
    // The key in the error is the child's if its parent is missing, and the parent's if children exist.
    if (columns.join() !== referenced.join()) {
      return key === columns.join() ? 'reference-not-found' : key === referenced.join() ? 'resource-in-use' : code;
    }
  }
  return code;
}
