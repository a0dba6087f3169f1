import { OrmClosedError } from '../errors.js';
import { isProduction } from './named-orm.js';
import { nextTick, processState, type NamedOrm } from './shared-database.js';

/** How long it must stay quiet while draining: a render may be between two queries of its fork. In ms. */
const QUIET = 50;

/** Drains and closes a name in every module graph; further calls wait for the first. */
export function closeNamedOrm(named: NamedOrm, drain: number): Promise<void> {
  named.closing ??= (async () => {
    named.closingSince = nextTick();
    const replaced = named.replaced.map(ref => ref.deref()).map(other => other && closeNamedOrm(other, drain));
    await waitUntilIdle(named, drain);
    named.closed = true;
    const state = processState();
    if (state.named.get(named.name) === named) {
      state.named.delete(named.name);
      // in development, what was created since the call is a reload, which opens anew
      state.closedAt.set(named.name, isProduction() ? nextTick() : named.closingSince);
    }
    const refuse = () => new OrmClosedError(named.name);
    await Promise.all([...named.pools.values()].map(pool => pool.close(refuse)));
    // closes what is not the pool's: caches, and a Kysely instance of the user's
    await Promise.all([...named.orms].map(orm => orm.deref()?.close()));
    named.orms.clear();
    await Promise.all(replaced);
  })();
  return named.closing;
}

async function waitUntilIdle(named: NamedOrm, drain: number): Promise<void> {
  const end = performance.now() + drain;
  let before: number | undefined;
  for (let left = drain; left > 0; left = end - performance.now()) {
    const pools = [...named.pools.values()];
    const isIdle = named.contexts === 0 && pools.every(pool => pool.busy === 0);
    const served = pools.reduce((sum, pool) => sum + pool.served, 0);
    if (isIdle && served === before) {
      return;
    }
    before = isIdle ? served : undefined;
    await new Promise(resolve => setTimeout(resolve, Math.min(QUIET, left)));
  }
}
