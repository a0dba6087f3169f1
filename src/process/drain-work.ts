/** How long it must stay quiet while draining: a render may be between two queries of its fork. In ms. */
const QUIET = 50;

/**
 * Waits for at most `ms` until nothing goes on: `served` counts what was done so far, and is undefined while something is. It
 * must say the same twice, for in between something may have begun and ended.
 */
export async function drainWork(ms: number, served: () => number | undefined): Promise<void> {
  const end = performance.now() + ms;
  let before: number | undefined;
  for (let left = ms; left > 0; left = end - performance.now()) {
    const now = served();
    if (now !== undefined && now === before) {
      return;
    }
    before = now;
    await new Promise(resolve => setTimeout(resolve, Math.min(QUIET, left)));
  }
}
