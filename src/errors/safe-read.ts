/**
 * Reading from whatever was thrown: getters and proxies may throw, and nothing in here does.
 */

/** One property of a value of any kind; undefined where there is none, or where reading it throws. */
export function read(value: unknown, key: string): unknown {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
    return undefined;
  }
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** A property that is a non-empty string, or undefined. */
export function readText(value: unknown, key: string): string | undefined {
  const found = read(value, key);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** A property that is a number, or undefined. */
export function readNumber(value: unknown, key: string): number | undefined {
  const found = read(value, key);
  return typeof found === 'number' ? found : undefined;
}

/** A property that is an array, as a plain copy of at most `limit` entries; empty otherwise. */
export function readList(value: unknown, key: string, limit = 50): unknown[] {
  const found = read(value, key);
  try {
    return Array.isArray(found) ? found.slice(0, limit) : [];
  } catch {
    return [];
  }
}

/** `value instanceof type`, for values whose prototype may not want to be seen. */
export function isInstance(value: unknown, type: abstract new (...args: never[]) => unknown): boolean {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** Names of the classes along the prototype chain, nearest first. */
export function classNames(value: unknown): string[] {
  const names: string[] = [];
  try {
    for (
      let proto: unknown = Object.getPrototypeOf(value);
      proto && names.length < 20;
      proto = Object.getPrototypeOf(proto)
    ) {
      const name = readText(read(proto, 'constructor'), 'name');
      if (name !== undefined) {
        names.push(name);
      }
    }
  } catch {
    // A proxy: what was seen so far has to do.
  }
  return names;
}
