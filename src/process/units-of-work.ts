import { diagnostics } from '../channels.js';
import type { AnyOrm } from '../orm-source.js';
import { Trace } from '../util/trace.js';
import { WaitLimit } from '../util/wait-limit.js';
import { warn } from '../util/warn.js';

/** One that is open, where leaks are looked for. */
interface OpenUnit {
  readonly orm: AnyOrm;
  readonly trace: Trace;
  readonly since: number;
}

/** Counts the units of work of a name, and finds those that stay open: of a stream that nobody reads, say. */
export class UnitsOfWork {
  readonly #name: string;
  /** How long one may be open; undefined where nobody looks for it. */
  readonly #limit: WaitLimit<OpenUnit> | undefined;
  /** Where those were opened that are open, the oldest first. Only with a limit. */
  readonly #traces = new Set<Trace>();
  #size = 0;

  /** `leakAfter` in ms; Infinity: never. */
  constructor(name: string, leakAfter: number) {
    this.#name = name;
    this.#limit = leakAfter === Infinity ? undefined : new WaitLimit(leakAfter, unit => this.#tellLeak(unit));
  }

  /** How many are open. */
  get size(): number {
    return this.#size;
  }

  /** Where the oldest one was opened, where leaks are looked for. */
  get oldest(): Trace | undefined {
    const [first] = this.#traces;
    return first;
  }

  /** Counts one of `orm` until the function that it returns is called; more calls are no-ops. */
  begin(orm: AnyOrm): () => void {
    this.#size++;
    const unwatch = this.#limit && this.#watch(orm, this.#limit);
    const since = diagnostics.unitOfWorkEnded.hasSubscribers ? performance.now() : undefined;
    if (diagnostics.unitOfWorkBegan.hasSubscribers) {
      diagnostics.unitOfWorkBegan.publish({ name: this.#name });
    }
    let isOpen = true;
    return () => {
      if (isOpen) {
        isOpen = false;
        this.#size--;
        unwatch?.();
        if (since !== undefined) {
          diagnostics.unitOfWorkEnded.publish({ name: this.#name, duration: performance.now() - since });
        }
      }
    };
  }

  #watch(orm: AnyOrm, limit: WaitLimit<OpenUnit>): () => void {
    const trace = new Trace();
    const unit = { orm, trace, since: trace.since };
    this.#traces.add(trace);
    limit.add(unit);
    return () => {
      this.#traces.delete(trace);
      limit.delete(unit);
    };
  }

  #tellLeak({ orm, trace: { age, frames } }: OpenUnit): void {
    warn(
      orm.config,
      `A unit of work of "${this.#name}" has been open for ${Math.round(age)} ms, longer than pool.leakAfter. Does it wait for something slow, or was end() of openEm() forgotten? It was opened\n${frames}`,
    );
    if (diagnostics.unitOfWorkLeaked.hasSubscribers) {
      diagnostics.unitOfWorkLeaked.publish({ name: this.#name, age, stack: frames });
    }
  }
}
