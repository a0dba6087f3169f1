/** Symbols, which inspection and iteration ask for, and `then`, which makes a promise of what has it. */
const isAskedInPassing = (key: string | symbol): boolean => typeof key === 'symbol' || key === 'then';

/**
 * Stands for an EntityManager that could not be opened: throws `error` at its first use, where a query would have failed. It can
 * be kept, passed on, awaited and logged.
 */
export function failingEm<EM extends object>(error: unknown): EM {
  const fail = (): never => {
    throw error;
  };
  return new Proxy({} as EM, {
    get: (_, key) => (isAskedInPassing(key) ? undefined : fail()),
    has: (_, key) => (isAskedInPassing(key) ? false : fail()),
    set: fail,
  });
}
