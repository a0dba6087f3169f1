import { DriverException, ValidationError } from '@mikro-orm/core';
import { driverOf, driverVerdict } from './drivers/postgresql.js';
import type { OrmLike } from './orm-option.js';
import { ownVerdict } from '../errors.js';
import { saidBy, type Said } from './mikro-orm-errors.js';
import { read, readList, viewOf, type Thrown } from './error-fields.js';
import { verdictOn, type Verdict } from './verdict.js';

/** One error in a chain of causes that means something to us. */
export interface Classified extends Said {
  readonly error: unknown;
  readonly thrown: Thrown;
}

/** How many errors of a chain are looked at. */
const LIMIT = 50;

/**
 * The first error that says something definite, along `cause` and `errors`. One that is known to be the ORM's or the
 * database's, but not what it means, is an internal error if nothing behind it says more.
 */
export function classifyError(first: unknown, orm: OrmLike | undefined): Classified | undefined {
  const chain = [first];
  let vague: Classified | undefined;
  for (const error of chain) {
    const thrown = viewOf(error);
    const classes = classesOf(error);
    // what is behind an error of the database is the database's, too
    const said = classify(error, thrown, classes, vague !== undefined, orm);
    if (said !== undefined) {
      return { error, thrown, ...said };
    }
    if (classes.includes('DriverException') || driverOf(error, thrown) === 'mongodb') {
      vague ??= { error, thrown, verdict: classes.map(verdictOn).find(known => known) ?? 'internal-error' };
    }
    // An application's HTTP error has a status already; a TypeError (also `fetch failed`) is a bug or another service.
    if (thrown.name !== 'TypeError' && !/^[45]\d\d$/.test(thrown.status || thrown.statusCode)) {
      const next = [...readList({ error }, 'error'), ...readList(error, 'errors'), read(error, 'cause')];
      chain.push(...next.filter(one => !chain.includes(one)).slice(0, LIMIT - chain.length));
    }
  }
  return vague;
}

/** MikroORM reads from what a cursor holds, also where that is null. */
const NULL_CURSOR =
  /^TypeError: Cannot read properties of null \(reading 'length'\)\n.*\n +at \S+\.processCursorOptions /;

function classify(
  error: unknown,
  thrown: Thrown,
  classes: string[],
  behind: boolean,
  orm: OrmLike | undefined,
): Said | undefined {
  const converted = behind || classes.includes('DriverException');
  // Many libraries have a ValidationError; MikroORM's can name the entity.
  const validation = classes.includes('ValidationError') && typeof read(error, 'getEntity') === 'function';
  // What fails while MikroORM writes values into a query that it does not convert the errors of.
  const own = validation || converted || / at \S+\.formatQuery /.test(thrown.stack);
  const coded =
    ownVerdict(thrown.code) ??
    abortVerdict(thrown) ??
    (NULL_CURSOR.test(thrown.stack) ? 'invalid-cursor' : driverVerdict(error, thrown, converted, orm));
  const said = coded ? { verdict: coded } : saidBy(thrown.message, own);
  if (said || !own) {
    return said;
  }
  const verdict = classes.map(verdictOn).find(known => known) ?? (validation ? 'internal-error' : undefined);
  return verdict && { verdict };
}

/**
 * A signal that somebody gave to MikroORM fired: kysely marks the error with when it did, and the class is lost. Without
 * that signal at hand only the runtime's own words tell a time limit from a caller who left.
 */
function abortVerdict({ __kysely_timing__: timing, name, message }: Thrown): Verdict | undefined {
  const timeout = name === 'TimeoutError' || message === 'The operation was aborted due to timeout';
  return timing ? (timeout ? 'query-timeout' : 'request-cancelled') : undefined;
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
    // A proxy, or nothing that has classes: what was seen so far has to do.
  }
  return names;
}
