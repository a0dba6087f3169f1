const KEY = Symbol.for('mikro-orm-web/test-databases@1');

/** Copies that this process uses: one that it used before, in a test file that is over, is replaced. */
export const copiesInUse = (): Set<string> => ((globalThis as { [KEY]?: Set<string> })[KEY] ??= new Set());
