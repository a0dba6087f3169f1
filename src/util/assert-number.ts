import { OrmConfigError } from '../errors.js';

/** Refuses what is no number, or one below `least`. */
export function assertNumber(option: string, value: unknown, least = 0): void {
  if (typeof value !== 'number' || !(value >= least)) {
    throw new OrmConfigError(`${option} takes a number from ${least} on, and got ${String(value)}.`);
  }
}
