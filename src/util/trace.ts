/** Frames to capture: between the app's code and a pool, MikroORM and Kysely have some twenty. */
const FRAMES = 50;

/** Frames to show. */
const SHOWN = 10;

/** Where something was opened. To capture it takes some microseconds; the text is made when it is asked for. */
export class Trace {
  readonly since = performance.now();
  /** V8 puts it there, as text on first use. */
  declare readonly stack?: string;

  constructor() {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = FRAMES;
    Error.captureStackTrace(this, new.target);
    Error.stackTraceLimit = stackTraceLimit;
  }

  /** Milliseconds since then. */
  get age(): number {
    return performance.now() - this.since;
  }

  /** The frames, those of the app alone where there are some. */
  get frames(): string {
    const all = (this.stack ?? '').split('\n').filter(line => line.startsWith('    at '));
    const own = all.filter(line => !/node_modules|node:|<anonymous>/.test(line));
    return (own.length > 0 ? own : all).slice(0, SHOWN).join('\n');
  }
}
