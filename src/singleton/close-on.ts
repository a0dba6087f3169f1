import { OrmConfigError } from '../errors.js';

/** What a signal closes. */
export interface Closer {
  /** Tells which of several closers are for the same database; undefined where that cannot be told yet. */
  name(): string | undefined;
  close(): Promise<void>;
}

/** By signal, what is to close. One listener of the process serves all of them. */
type Registry = Map<NodeJS.Signals, Closer[]>;

// Each module graph of a bundler evaluates this file again, and a reload registers once more.
const KEY = Symbol.for('mikro-orm-web/close-on@1');

function registry(): Registry {
  const host = globalThis as { [KEY]?: Registry };
  return (host[KEY] ??= new Map());
}

/**
 * Closes with each of these signals. What was registered before for the same name gives way: one listener a signal, and one
 * closer a database, however often modules are evaluated.
 *
 * @throws {@link OrmConfigError} where `signals` is no list of signals, or has one that no process can catch
 */
export function closeOn(signals: readonly NodeJS.Signals[], closer: Closer): void {
  if (!Array.isArray(signals) || signals.length === 0 || !signals.every(signal => /^SIG[A-Z0-9]+$/.test(signal))) {
    throw new OrmConfigError(`closeOn needs a list of signals, such as ['SIGTERM', 'SIGINT'].`);
  }
  const uncatchable = signals.find(signal => signal === 'SIGKILL' || signal === 'SIGSTOP');
  if (uncatchable) {
    throw new OrmConfigError(`closeOn got ${uncatchable}, which no process can catch. Leave it out.`);
  }
  const closers = registry();
  for (const signal of new Set(signals)) {
    const others = closers.get(signal);
    if (!others) {
      process.on(signal, listener);
    }
    closers.set(signal, [...latest(others ?? [], closer.name()), closer]);
  }
}

/** The last closer of each name, without those of `name`; all whose name cannot be told. */
function latest(closers: readonly Closer[], name: string | undefined): Closer[] {
  const names = new Set([name]);
  return closers
    .toReversed()
    .filter(closer => {
      const own = closer.name();
      const isLatest = own === undefined || !names.has(own);
      names.add(own);
      return isLatest;
    })
    .toReversed();
}

/**
 * Stays until all is closed: `npm run` and a terminal may both pass a signal on, and the second must not end the process in
 * the middle of the first. From then on the signal does again what it did without this.
 */
function listener(signal: NodeJS.Signals): void {
  const closers = registry().get(signal) ?? [];
  const closing = closers.map(closer => closer.close().catch((error: unknown) => console.error(error)));
  void Promise.all(closing).then(() => {
    // unless a reload has registered another meanwhile
    if (registry().get(signal) === closers) {
      registry().delete(signal);
      process.off(signal, listener);
    }
  });
}
