import type { Bench } from './bench.ts';

/** One combination of versions, and what is run with it. */
export interface Cell {
  /** What the command line, the workflows and docs/compatibility.md call it. */
  readonly name: string;
  /** What is installed, and what is run. */
  readonly about: string;
  /** Throws where the combination does not work. */
  run(bench: Bench): Promise<void>;
}
