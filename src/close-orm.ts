import { closedError } from './named-orm.js';
import { nextTick, processState, type NamedOrm } from './process-state.js';

/** How long it must stay quiet while draining: a render may be between two queries of its fork. In ms. */
const QUIET = 50;

/** Drains and closes a name in every module graph; further calls wait for the first. */
export function closeNamedOrm(named: NamedOrm, drain: number): Promise<void> {
  named.closing ??= (async () => {
    await waitUntilIdle(named, drain);
    named.closed = true;
    const state = processState();
    if (state.named.get(named.name) === named) {
      state.named.delete(named.name);
      state.closedAt.set(named.name, nextTick());
    }
    const refuse = () => closedError(named.name);
    await Promise.all([...named.pools.values()].map(pool => pool.close(refuse)));
    // closes what is not the pool's: caches, and a Kysely instance of the user's
    await Promise.all([...named.orms].map(orm => orm.deref()?.close()));
    named.orms.clear();
  })();
  return named.closing;
}

async function waitUntilIdle(named: NamedOrm, drain: number): Promise<void> {
  const end = Date.now() + drain;
  for (;;) {
    const left = end - Date.now();
    if (left <= 0) {
      return;
    }
    const idle = isIdle(named);
    const woken = await waitForChange(named, idle ? Math.min(QUIET, left) : left);
    if (idle && !woken && isIdle(named)) {
      return;
    }
  }
}

function isIdle(named: NamedOrm): boolean {
  return named.contexts === 0 && [...named.pools.values()].every(pool => pool.busy === 0);
}

/** Resolves with true when a context ended or a connection was released, with false after `ms`. */
function waitForChange(named: NamedOrm, ms: number): Promise<boolean> {
  return new Promise(resolve => {
    const end = (woken: boolean) => () => {
      clearTimeout(timer);
      named.waiting.delete(wake);
      resolve(woken);
    };
    const wake = end(true);
    const timer = setTimeout(end(false), ms);
    named.waiting.add(wake);
  });
}
