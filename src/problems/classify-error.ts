import { DriverException, ValidationError } from '@mikro-orm/core';
import { isRefusedCursor, isUnreadableCursor } from './cursor-errors.js';
import type { DriverErrors } from './drivers/driver.js';
import { DRIVERS, driverOf } from './drivers/index.js';
import { fieldsOf, read, readList, type ErrorFields } from './error-fields.js';
import { framesOf, isFromAnotherDatabase, isFromAnotherLibrary, isFromDatabase } from './error-origin.js';
import { constraintIndexOf } from './metadata/constraint-index.js';
import { abortVerdict, ormClassVerdict, ormMessageVerdict, type OrmVerdict } from './mikro-orm-errors.js';
import { networkVerdict } from './network-errors.js';
import type { AnyOrm } from '../orm-source.js';
import { ownErrorVerdict } from './own-errors.js';
import { verdictIn, type Verdict } from './verdict.js';

/** One error in a chain of causes, as it is seen before anything is said of its meaning. */
interface SeenError {
  readonly error: unknown;
  readonly fields: ErrorFields;
  /** Names of its classes, nearest first. */
  readonly classes: readonly string[];
  /** MikroORM made a DriverException of it, or of the error that it is behind. */
  readonly converted: boolean;
  /** Whose error it is, by its shape. */
  readonly driver: DriverErrors | undefined;
}

/** The error of a chain that decides, what it means, and what MikroORM named in it. */
export interface ClassifiedError extends SeenError, OrmVerdict {}

/** How many errors of a chain are looked at. */
const LIMIT = 50;

/**
 * The first error that says something definite, along `cause` and `errors`. One that is known to be the ORM's or the
 * database's, but not what it means, is an internal error if nothing behind it says more.
 */
export function classifyError(first: unknown, orm: AnyOrm | undefined): ClassifiedError | undefined {
  const chain = [first];
  let vague: ClassifiedError | undefined;
  for (const error of chain) {
    // an error behind one of the database is the database's, too
    const seen = look(error, vague !== undefined);
    if (isOthers(seen, orm)) {
      continue;
    }
    const known = verdictOn(seen, orm);
    if (known !== undefined) {
      return { ...seen, ...known };
    }
    const { fields, classes, driver } = seen;
    if (classes.includes('DriverException') || driver !== undefined) {
      vague ??= { ...seen, verdict: classVerdict(classes) ?? 'internal-error' };
    }
    // An application's HTTP error has a status already; a TypeError (also `fetch failed`) is a bug or another service.
    if (fields.name !== 'TypeError' && !/^[45]\d\d$/.test(fields.status || fields.statusCode)) {
      const next = [...readList({ error }, 'error'), ...readList(error, 'errors'), read(error, 'cause')];
      chain.push(...next.filter(one => !chain.includes(one)).slice(0, LIMIT - chain.length));
    }
  }
  return vague;
}

function look(error: unknown, behind: boolean): SeenError {
  const fields = fieldsOf(error);
  const classes = classesOf(error);
  const converted = behind || classes.includes('DriverException');
  return { error, fields, classes, converted, driver: driverOf(error, fields, converted) };
}

/** Whether it is an error of a database, but not of the ORM's. */
const isOthers = (seen: SeenError, orm: AnyOrm | undefined): boolean =>
  !seen.converted &&
  (isFromAnotherLibrary(seen.fields) ||
    isOfBuiltInCache(seen, orm) ||
    (seen.driver !== undefined && isFromAnotherDatabase(seen.fields, seen.driver, orm)));

/**
 * Whether it is an error of node:sqlite that the application called: Node has SQLite built in, and a cache is soon made.
 * The ORM's own use of it shows in the stack, or the error names one of the ORM's tables.
 */
function isOfBuiltInCache({ error, fields, driver }: SeenError, orm: AnyOrm | undefined): boolean {
  if (fields.code !== 'ERR_SQLITE_ERROR' || driver === undefined || isFromDatabase(fields)) {
    return false;
  }
  const verdict = driver.verdict(fields) ?? 'internal-error';
  return orm === undefined || constraintIndexOf(orm).find(driver.clues(fields, verdict, error)) === undefined;
}

function verdictOn(seen: SeenError, orm: AnyOrm | undefined): OrmVerdict | undefined {
  const { error, fields, classes, converted, driver } = seen;
  // Many libraries have a ValidationError; MikroORM's can name the entity.
  const validation = classes.includes('ValidationError') && typeof read(error, 'getEntity') === 'function';
  // What fails while MikroORM writes values into a query that it does not convert the errors of.
  const ofOrm = validation || converted || / at \S+\.formatQuery /.test(framesOf(fields));
  const verdict =
    ownErrorVerdict(fields.code) ??
    abortVerdict(fields) ??
    (isUnreadableCursor(fields) || (driver && classes.includes('DriverException') && isRefusedCursor(fields, driver))
      ? 'invalid-cursor'
      : driver
        ? driver.verdict(fields)
        : networkVerdict(error, fields, converted, orm));
  if (verdict !== undefined) {
    return { verdict };
  }
  const said = ormMessageVerdict(fields, ofOrm) ?? uncodedVerdict(fields, ofOrm);
  if (said !== undefined || !ofOrm) {
    return said;
  }
  const byClass = classVerdict(classes) ?? (validation ? 'internal-error' : undefined);
  return byClass && { verdict: byClass };
}

/** What drivers say in errors that have no code. */
function uncodedVerdict(fields: ErrorFields, ofOrm: boolean): OrmVerdict | undefined {
  const { message } = fields;
  const found = DRIVERS.flatMap(({ uncoded }) => uncoded).find(
    ({ begins, ambiguous }) => begins.test(message) && (!ambiguous || ofOrm || isFromDatabase(fields)),
  );
  return found && { verdict: found.verdict };
}

/** What an error's classes mean, MikroORM's and those of drivers. */
function classVerdict(classes: readonly string[]): Verdict | undefined {
  const tables = DRIVERS.map(({ classes: table = {} }) => table);
  const ofDrivers = classes.flatMap(name => tables.map(table => verdictIn(table, name)));
  return ormClassVerdict(classes) ?? ofDrivers.find(verdict => verdict !== undefined);
}

/** Names of an error's classes, nearest first. A bundler may rename those of MikroORM, or give each graph a copy. */
function classesOf(error: unknown): string[] {
  const names: string[] = [];
  try {
    for (let next = Object.getPrototypeOf(error); next && names.length < 20; next = Object.getPrototypeOf(next)) {
      names.push(
        next === DriverException.prototype
          ? 'DriverException'
          : next === ValidationError.prototype
            ? 'ValidationError'
            : String(read(next.constructor, 'name')),
      );
    }
  } catch {
    // A proxy, or something without classes: the names so far have to do.
  }
  return names;
}
