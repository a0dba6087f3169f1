import { ExplicitNameError } from '../errors.js';
import { isProduction } from './environment.js';

/** One class under the name that it shall have. */
export interface NamedClass {
  readonly name: string;
  readonly class: unknown;
}

/**
 * Reads an object whose keys are names. `read` returns what is under a key, undefined to pass it over, or a text that
 * says what is wrong with it; all offenders are refused at once.
 */
export function readNamedList<T extends NamedClass>(
  helper: string,
  example: string,
  given: unknown,
  read: (key: string, value: unknown) => T | string | undefined,
  mayBeEmpty = false,
): T[] {
  const isList = typeof given === 'object' && given !== null && !Array.isArray(given);
  const entries = Object.keys(isList ? given : {})
    .map(key => read(key, valueOf(given, key)))
    .filter(entry => entry !== undefined);
  const list = entries.filter(entry => typeof entry === 'object');
  const offences = entries.filter(entry => typeof entry === 'string');
  for (const [i, { name, class: cls }] of list.entries()) {
    const other = list.findIndex(entry => entry.class === cls);
    if (other < i) {
      offences.push(`${list[other]!.name} and ${name} are one class: keep one key`);
    }
  }
  if (!isList) {
    offences.push('names come from keys');
  } else if (entries.length === 0 && !mayBeEmpty) {
    offences.push('nothing is in it');
  }
  if (offences.length > 0) {
    throw new ExplicitNameError(`${helper} refuses its list: ${offences.join('; ')}. Write ${example}.`);
  }
  return list;
}

/** The value under a key; undefined for an export of a namespace that a circular import has not reached yet. */
function valueOf(given: unknown, key: string): unknown {
  try {
    return (given as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** What else may have left an export undefined: a development server reads a file while an editor is still writing it. */
export function readTooEarly(): string {
  return isProduction() ? '' : ' Or was it read while it was being saved? Then save it again';
}
