import type { DriverErrors } from './drivers/driver.js';
import type { ErrorFields } from './error-fields.js';
import { framesOf } from './error-origin.js';

/**
 * A cursor is JSON that comes back from the client. MikroORM answers most of what was forged with a CursorError. Of these
 * it makes an error of JavaScript, which is the cursor's if it comes from the very method that reads it.
 */
const UNREADABLE = [
  // null
  /^TypeError: Cannot read properties of null \(reading 'length'\)\n.*\n +at \S+\.processCursorOptions /,
  // {"length":1}
  /^TypeError: .* is not iterable.*\n +at \S+\.createCursorCondition /,
];

/** Whether MikroORM stumbled over what a cursor holds. */
export const isUnreadableCursor = ({ stack }: ErrorFields): boolean => UNREADABLE.some(start => start.test(stack));

/**
 * Whether the database refused to compare a column with what a cursor holds (`[true]`, `[[1,2]]`, `[[]]`): the query is
 * one of `em.findByCursor`, by the stack that MikroORM's exception has, and the operator is one that cursors are compared
 * by. A condition of the application's own in that query, with the same fault, cannot be told apart.
 */
export const isRefusedCursor = (fields: ErrorFields, driver: DriverErrors): boolean =>
  driver.refusesComparison?.(fields) === true && /^ +at (?:async )?\S+\.findByCursor /m.test(framesOf(fields));
