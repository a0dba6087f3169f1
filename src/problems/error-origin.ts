import type { DriverErrors } from './drivers/driver.js';
import { DRIVERS } from './drivers/index.js';
import type { ErrorFields } from './error-fields.js';
import type { AnyOrm } from '../orm-source.js';
import { schemeOf } from './orm-option.js';

/** The frames of the stack, without the message: a message may quote text with lines that look like frames. */
export function framesOf({ stack, message }: ErrorFields): string {
  const start = stack.indexOf(message);
  return start < 0 ? stack : stack.slice(start + message.length);
}

const inPackage = (names: string): RegExp =>
  new RegExp(String.raw`^ +at .*[\\/]node_modules[\\/](?:${names})[\\/]`, 'm');

const DRIVER_FRAME = inPackage('pg|pg-pool|mysql2|tedious|oracledb|mongodb|better-sqlite3');
/** An application may call these itself, for a cache: their caller counts. */
const EMBEDDED_FRAME = inPackage('better-sqlite3|libsql');
const ORM_FRAME = inPackage('kysely|@mikro-orm');
/** Libraries that have a database of their own, often by the same drivers. */
const ANOTHER_LIBRARY_FRAME = inPackage(
  'mongoose|typeorm|sequelize|knex|objection|bookshelf|drizzle-orm|@prisma|prisma|waterline|@sequelize',
);

/**
 * Whether a stack leads to a database: its first frame that is not Node's is one of a driver or of what MikroORM calls it
 * through; or any frame is the method that takes a connection, as names of methods survive bundlers. pg and pg-pool
 * capture the stack anew, so that it leads back to the query. Further frames tell nothing else: what an application does
 * in a transaction is called by the ORM, too.
 */
export function isFromDatabase(fields: ErrorFields): boolean {
  const frames = framesOf(fields);
  const first = frames.match(/^ +at (?!.*\bnode:).*/gm)?.find(frame => !EMBEDDED_FRAME.test(frame)) ?? '';
  return DRIVER_FRAME.test(first) || ORM_FRAME.test(first) || /^ +at .*\bacquireConnection\b/m.test(frames);
}

/** Whether another library that talks to databases made the error, with MikroORM nowhere in between. */
export function isFromAnotherLibrary(fields: ErrorFields): boolean {
  const frames = framesOf(fields);
  return ANOTHER_LIBRARY_FRAME.test(frames) && !ORM_FRAME.test(frames);
}

/**
 * Whether a driver made the error that this ORM does not use, and something else called it: the stack begins in the driver
 * and goes on in the caller. A driver that answers from an event has no caller in its stack; then it cannot be told, and an
 * application may have several ORMs.
 */
export function isFromAnotherDatabase(fields: ErrorFields, driver: DriverErrors, orm: AnyOrm | undefined): boolean {
  const scheme = schemeOf(orm);
  if (driver.scheme === scheme || DRIVERS.every(known => known.scheme !== scheme)) {
    return false;
  }
  const [first = '', ...callers] = framesOf(fields).match(/^ +at (?!.*\bnode:).*/gm) ?? [];
  return (
    DRIVER_FRAME.test(first) &&
    callers.some(frame => !DRIVER_FRAME.test(frame)) &&
    !callers.some(frame => ORM_FRAME.test(frame))
  );
}
