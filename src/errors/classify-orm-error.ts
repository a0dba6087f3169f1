import {
  CheckConstraintViolationException,
  ConnectionException,
  CursorError,
  DeadlockException,
  DriverException,
  ForeignKeyConstraintViolationException,
  LockWaitTimeoutException,
  NotFoundError,
  NotNullConstraintViolationException,
  OptimisticLockError,
  ReadOnlyException,
  RowLevelSecurityViolationException,
  UniqueConstraintViolationException,
  ValidationError,
} from '@mikro-orm/core';
import type { Verdict } from './driver-codes.js';
import type { OrmProblemCode } from './problem.js';
import { classNames, isInstance, read, readText } from './safe-read.js';

type ErrorClass = abstract new (...args: never[]) => unknown;

/** What the ORM's exception for a driver's error means, where the driver's own code is not known. */
const EXCEPTIONS: readonly (readonly [ErrorClass, string, Verdict])[] = [
  [RowLevelSecurityViolationException, 'RowLevelSecurityViolationException', { code: 'forbidden' }],
  [UniqueConstraintViolationException, 'UniqueConstraintViolationException', { code: 'unique-violation' }],
  [ForeignKeyConstraintViolationException, 'ForeignKeyConstraintViolationException', { code: 'reference-violation' }],
  [NotNullConstraintViolationException, 'NotNullConstraintViolationException', { code: 'required' }],
  [CheckConstraintViolationException, 'CheckConstraintViolationException', { code: 'check-violation' }],
  [DeadlockException, 'DeadlockException', { code: 'transaction-conflict' }],
  [LockWaitTimeoutException, 'LockWaitTimeoutException', { code: 'lock-timeout' }],
  [ReadOnlyException, 'ReadOnlyException', { code: 'database-read-only' }],
  [ConnectionException, 'ConnectionException', { code: 'database-unavailable', permanent: true }],
];

/** What one of the ORM's own errors says, and about what; the names still have to be found in the metadata. */
export interface OrmVerdict extends Verdict {
  readonly entityName?: string | undefined;
  readonly propertyName?: string | undefined;
  /** The entity itself, as the error holds it. */
  readonly instance?: unknown;
}

/** Sentences of MikroORM 7, from its start: a value comes after the names. `e` is the entity, `p` the property. */
type Sentence = readonly [start: RegExp, code: OrmProblemCode];

const NOT_FOUND: readonly Sentence[] = [
  [/^(?<e>[^\s(]+) not found \(/, 'not-found'],
  [/^Wrong number of (?<e>\S+) entities found/, 'not-found'],
  [/^(?<e>[^\s(]+) \(/, 'not-found'],
];
const OPTIMISTIC_LOCK: readonly Sentence[] = [
  [/^Cannot obtain optimistic lock on unversioned entity /, 'internal-error'],
  [/^The optimistic lock on entity (?<e>\S+) failed$/, 'version-conflict'],
];
const CURSOR: readonly Sentence[] = [
  [/^Cannot create cursor, /, 'internal-error'],
  [/^Invalid cursor for entity (?<e>\S+): /, 'invalid-cursor'],
  [/^Invalid cursor condition, value for '(?<e>[^.']+)\./, 'invalid-cursor'],
];
const VALIDATION: readonly Sentence[] = [
  [/^Value for (?<e>[^\s.]+)\.(?<p>\S+) is required, /, 'required'],
  // Only an enum refuses a value of its own type.
  [/^Trying to set (?<e>[^\s.]+)\.(?<p>\S+) of type '(\w+)' to .* of type '\3'$/s, 'check-violation'],
  [/^Trying to set (?<e>[^\s.]+)\.(?<p>\S+) of type '/, 'invalid-value'],
  [/^Invalid enum array items provided in (?<e>\S+): /, 'check-violation'],
  [/^Invalid collection values provided for '(?<e>[^.']+)\.(?<p>[^']+)'/, 'invalid-value'],
  [/^Could not convert JS value /, 'invalid-value'],
];

/** Plain errors, which only their sentence tells from an application's. */
const PLAIN: readonly Sentence[] = [
  [/^You must pass a non-(?:undefined|null) value to the property (?<p>\S+) of entity (?<e>\S+)\.$/, 'required'],
  [/^Invalid reference value provided for '(?<e>[^.']+)\.(?<p>[^']+)' in \S+\.assign\(\): /, 'invalid-value'],
  [/^Trying to (?:query|order) by not existing property /, 'internal-error'],
  [/^You cannot call 'EntityManager\.\w+\(\)' with empty 'where' parameter$/, 'internal-error'],
  [/^Explicit `orderBy` option required$/, 'internal-error'],
];

/** One of MikroORM's own errors; undefined for everything else, whatever its name. */
export function classifyOrmError(error: unknown): OrmVerdict | undefined {
  const message = readText(error, 'message') ?? '';
  const names = classNames(error);
  // Many libraries have a ValidationError; MikroORM's can name the entity.
  const own =
    isInstance(error, ValidationError) || (names.includes('ValidationError') && isFunction(error, 'getEntity'));
  if (!own) {
    return readText(error, 'name') === 'Error' ? say(PLAIN, message) : undefined;
  }
  const is = (type: ErrorClass, name: string): boolean => isInstance(error, type) || names.includes(name);
  const instance = read(error, 'entity');
  // These extend ValidationError: they go first.
  if (is(NotFoundError, 'NotFoundError')) {
    return say(NOT_FOUND, message) ?? { code: 'not-found' };
  }
  if (is(OptimisticLockError, 'OptimisticLockError')) {
    return { code: 'version-conflict', ...say(OPTIMISTIC_LOCK, message), instance };
  }
  if (is(CursorError, 'CursorError')) {
    return say(CURSOR, message) ?? { code: 'invalid-cursor' };
  }
  return { code: 'internal-error', ...say(VALIDATION, message), instance };
}

/** Whether MikroORM made a DriverException of it, this copy of MikroORM or another one. */
export const isConverted = (error: unknown): boolean =>
  isInstance(error, DriverException) || classNames(error).includes('DriverException');

/** What the class of a DriverException says. */
export function exceptionVerdict(error: unknown): Verdict | undefined {
  const names = classNames(error);
  return EXCEPTIONS.find(([type, name]) => isInstance(error, type) || names.includes(name))?.[2];
}

const isFunction = (value: unknown, key: string): boolean => typeof read(value, key) === 'function';

function say(sentences: readonly Sentence[], message: string): OrmVerdict | undefined {
  for (const [start, code] of sentences) {
    const match = start.exec(message);
    if (match !== null) {
      return { code, entityName: match.groups?.['e'], propertyName: match.groups?.['p'] };
    }
  }
  return undefined;
}
