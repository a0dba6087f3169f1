import { fileURLToPath } from 'node:url';

/** How many frames are kept: the ORM's own lie between. */
const DEPTH = 60;

/** The folder of this package, as it runs (`dist`, or `src` in its own tests); undefined where a bundler has no files. */
function ownFolder(): string | undefined {
  try {
    return fileURLToPath(new URL(import.meta.url.includes('/testing/call-site') ? '..' : '.', import.meta.url));
  } catch {
    return undefined;
  }
}

/** A place in an app's code. Reading it costs more than keeping it. */
export class CallSite {
  readonly #error: Error;

  constructor() {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = DEPTH;
    this.#error = new Error('place');
    Error.stackTraceLimit = stackTraceLimit;
  }

  /** The first frame that is neither this package's, nor a dependency's, nor Node's: `orders.ts:12:3`. */
  toString(): string {
    const folder = ownFolder();
    const frames = (this.#error.stack ?? '').split('\n').slice(1);
    const own = frames.find(
      frame =>
        !frame.includes('/node_modules/') &&
        !(folder && frame.includes(folder)) &&
        /[\\/]/.test(frame) &&
        !frame.includes('node:'),
    );
    return (own ?? frames.at(-1) ?? 'an unknown place').trim().replace(/^at (?:async )?/, '');
  }
}
