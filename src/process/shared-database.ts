import type { SharedPool } from '../pool/shared-pool.js';
import type { AnyOrm } from '../orm-source.js';

/** One database under one name: what the module graphs of a process have in common. */
export interface NamedOrm {
  readonly name: string;
  /** Driver, host, port, user and database, or the resolved file. */
  readonly database: string;
  /** Pool size and driver options; they are only compared, never shown. */
  readonly settings: string;
  /** The file of SQLite or libSQL. */
  readonly file?: string | undefined;
  /** A second handle cannot be opened beside the first: in memory, or PGlite. */
  readonly exclusive: boolean;
  /** By role: `write`, then `read 0`, `read 1` … for the replicas. */
  readonly pools: Map<string, SharedPool>;
  /** The ORMs of all graphs, for `close()`; a graph that was reloaded away must stay collectable. */
  readonly orms: Set<WeakRef<AnyOrm>>;
  /** Runs that all graphs share, by what they run: `connect`, or a list of migrations. */
  readonly runs: Map<string, Promise<void>>;
  /** Resolves when the latest of them has ended, either way. */
  lastRun: Promise<unknown>;
  /** Request contexts that are running. */
  contexts: number;
  closing: Promise<void> | undefined;
  /** When close() was called, in ticks. */
  closingSince: number;
  closed: boolean;
  /** What had the name before an edit of the settings, in development: still in use where a module was not evaluated again. */
  readonly replaced: WeakRef<NamedOrm>[];
}

interface ProcessState {
  /** Counts singletons and closings, so that each can be told to be before or after another. */
  tick: number;
  /** When each name was closed, in ticks: singletons that were created before refuse, later ones open anew. */
  readonly closedAt: Map<string, number>;
  readonly named: Map<string, NamedOrm>;
  /** Lets a helper that is handed an ORM find what belongs to it. */
  readonly byOrm: WeakMap<AnyOrm, NamedOrm>;
}

// Each module graph of a bundler evaluates this file again, so what they share hangs on globalThis. The key carries a
// version: two releases of this library in one process don't read each other's state.
const KEY = Symbol.for('mikro-orm-web/state@1');

/** The state that all copies of this library in this process share. */
export function processState(): ProcessState {
  const host = globalThis as { [KEY]?: ProcessState };
  return (host[KEY] ??= { tick: 0, closedAt: new Map(), named: new Map(), byOrm: new WeakMap() });
}

/** Counts on; what is created now is later than all that was created or closed before. */
export function nextTick(): number {
  return ++processState().tick;
}

/** A name with nothing in it yet. */
export function createNamedOrm(
  from: Pick<NamedOrm, 'name' | 'database' | 'settings' | 'file' | 'exclusive'>,
): NamedOrm {
  return {
    ...from,
    pools: new Map(),
    orms: new Set(),
    runs: new Map(),
    lastRun: Promise.resolve(),
    contexts: 0,
    closing: undefined,
    closingSince: Infinity,
    closed: false,
    replaced: [],
  };
}

/** Lets `close()` and the helpers find `orm` by its name, and the name by `orm`. */
export function rememberOrm(orm: AnyOrm, named: NamedOrm): void {
  for (const ref of named.orms) {
    if (!ref.deref()) {
      named.orms.delete(ref);
    }
  }
  named.orms.add(new WeakRef(orm));
  processState().byOrm.set(orm, named);
}

/** Runs `work` once for all graphs, after the runs before it; a failed run is not kept. */
export function runOnce(named: NamedOrm, key: string, work: () => Promise<void>): Promise<void> {
  let run = named.runs.get(key);
  if (!run) {
    run = named.lastRun.then(work).catch((error: unknown) => {
      named.runs.delete(key);
      throw error;
    });
    named.runs.set(key, run);
    named.lastRun = run.catch(() => undefined);
  }
  return run;
}

/** Where the running contexts of `orm` are counted: `close({ drain })` waits for them. */
export function contextsOf(orm: AnyOrm): Pick<NamedOrm, 'contexts'> {
  return processState().byOrm.get(orm) ?? { contexts: 0 };
}
