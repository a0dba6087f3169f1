import type { ErrorFields } from './error-fields.js';
import type { Verdict, VerdictTable } from './verdict.js';
import { verdictIn } from './verdict.js';

/** What an error of MikroORM means, and what it names; the names still have to be found in the metadata. */
export interface OrmVerdict {
  readonly verdict: Verdict;
  readonly entity?: string | undefined;
  readonly property?: string | undefined;
}

/** Classes that mean something by themselves, of validation and of drivers' errors that MikroORM converted. */
const CLASSES: VerdictTable = {
  NotFoundError: 'not-found',
  OptimisticLockError: 'version-conflict',
  CursorError: 'invalid-cursor',
  UniqueConstraintViolationException: 'unique-violation',
  ForeignKeyConstraintViolationException: 'reference-violation',
  NotNullConstraintViolationException: 'required',
  CheckConstraintViolationException: 'check-violation',
};

/** The verdict on the first of these names of classes that has one. */
export const ormClassVerdict = (classes: readonly string[]): Verdict | undefined =>
  classes.map(name => verdictIn(CLASSES, name)).find(verdict => verdict !== undefined);

/** How a message begins, and what it means. `Entity.property` may follow. */
type OrmMessage = readonly [begins: RegExp, verdict: Verdict];

/** Messages of MikroORM's own classes. */
const CLASS_MESSAGES: readonly OrmMessage[] = [
  [/^(?=[^\s.]+ (?:not found \(|\(.* failed to load ))|^Wrong number of /s, 'not-found'],
  [/^The optimistic lock on entity /, 'version-conflict'],
  [/^Invalid cursor (?:for entity |condition, value for ')/, 'invalid-cursor'],
  [/^Cannot (?:create cursor|obtain optimistic lock)/, 'internal-error'],
  [/^Value for (?=\S+ is required, )/, 'required'],
  // Only an enum refuses a value of its own type.
  [
    /^Trying to set (?=.* of type '(\w+)' to .* of type '\1'$)|^Invalid enum array items provided in /s,
    'check-violation',
  ],
  [/^Trying to set (?=.* of type ')|^Could not convert JS /, 'invalid-value'],
  [/^Invalid time value$/, 'invalid-value'], // an invalid Date, as MikroORM writes it for PostgreSQL
];

/** Messages of MikroORM and Kysely in errors without class or code, as they stand in their sources. */
const PLAIN_MESSAGES: readonly OrmMessage[] = [
  [/^You must pass a non-\w+ value to the property /, 'required'],
  [/^Invalid (?:collection|reference) values? provided for '/, 'invalid-value'],
  [
    /^(?:Trying to (?:query|order) by not existing |You cannot call 'EntityManager|Explicit `orderBy` op|Streaming is not sup|Current driver requires async )/,
    'internal-error',
  ],
  [/^driver has already been destroyed$/, 'database-unavailable'], // Kysely, after close()
];

/** `User.address.city`, or `city of entity User`: a value comes after the names. */
const NAMES = /^(?:(\S+) of entity ([^\s.]+)|([^\s.:']+)(?:\.([^\s']+))?)/;

/** What a message of MikroORM or Kysely means; `ofClass` tells that the error is of a class of MikroORM. */
export function ormMessageVerdict({ message }: ErrorFields, ofClass: boolean): OrmVerdict | undefined {
  for (const [begins, verdict] of ofClass ? [...CLASS_MESSAGES, ...PLAIN_MESSAGES] : PLAIN_MESSAGES) {
    const start = begins.exec(message);
    if (start !== null) {
      const [, lastProperty, lastEntity, entity, property] = NAMES.exec(message.slice(start[0].length)) ?? [];
      return { verdict, entity: entity ?? lastEntity, property: property ?? lastProperty };
    }
  }
  return undefined;
}

/**
 * The signal that MikroORM was given fired: Kysely marks the error with when it did, and the class is lost. Without that
 * signal at hand only the runtime's own words tell a time limit from a caller that left.
 */
export function abortVerdict({ __kysely_timing__: timing, name, message }: ErrorFields): Verdict | undefined {
  const timeout = name === 'TimeoutError' || message === 'The operation was aborted due to timeout';
  return timing ? (timeout ? 'query-timeout' : 'request-cancelled') : undefined;
}
