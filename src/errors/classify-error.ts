import type { OrmLike } from './orm-option.js';
import { classifyOrmError, exceptionVerdict, isConverted, type OrmVerdict } from './classify-orm-error.js';
import { abortVerdict, sentenceVerdict } from './driver-sentences.js';
import { OrmWebError } from './orm-web-error.js';
import { driverVerdict, recogniseDriverError, type DriverError } from './recognise-driver-error.js';
import { isInstance, read, readList, readText } from './safe-read.js';

/** One error in a chain of causes that means something to us. */
export interface Classified extends OrmVerdict {
  readonly error: unknown;
  /** Set if a driver gave its code. */
  readonly driver?: DriverError | undefined;
}

/** How many errors of a chain are looked at. */
const LIMIT = 50;

/**
 * The first error that says something definite, along `cause` and `errors`. One that is known to be the ORM's or the
 * database's, but not what it means, is an internal error if nothing behind it says more.
 */
export function classifyError(thrown: unknown, orm: OrmLike | undefined): Classified | undefined {
  const queue: unknown[] = [thrown];
  const seen = new Set<unknown>();
  let vague: Classified | undefined;
  for (let error = queue.shift(); error !== undefined && seen.size < LIMIT; error = queue.shift()) {
    if (error === null || typeof error !== 'object' || seen.has(error)) {
      continue;
    }
    seen.add(error);
    const found = classifyOne(error, orm);
    if (found !== undefined && !found.vague) {
      return found;
    }
    vague ??= found;
    if (!decidesItself(error)) {
      queue.push(...readList(error, 'errors'), read(error, 'cause') ?? null);
    }
  }
  return vague;
}

/** An application's HTTP error has a status already; a TypeError (also `fetch failed`) is a bug or another service. */
function decidesItself(error: object): boolean {
  const status = read(error, 'status') ?? read(error, 'statusCode');
  return (typeof status === 'number' && status >= 400 && status < 600) || readText(error, 'name') === 'TypeError';
}

function classifyOne(error: object, orm: OrmLike | undefined): (Classified & { vague?: boolean }) | undefined {
  // A bundler may give each module graph its own copy of our classes: the code is the same in all of them.
  const closed = read(error, 'code') === 'ORM_CLOSED';
  if (closed || isInstance(error, OrmWebError)) {
    return { error, code: closed ? 'database-unavailable' : 'internal-error' };
  }
  const aborted = abortVerdict(error);
  if (aborted !== undefined) {
    return { error, ...aborted };
  }
  const converted = isConverted(error);
  const driver = recogniseDriverError(error, converted, orm);
  if (driver !== undefined) {
    return { error, driver, ...driverVerdict(driver, error) };
  }
  const said = (converted ? exceptionVerdict(error) : classifyOrmError(error)) ?? sentenceVerdict(error, converted);
  if (said !== undefined) {
    return { error, ...said };
  }
  return converted ? { error, code: 'internal-error', vague: true } : undefined;
}
