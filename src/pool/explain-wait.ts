import type { Trace } from '../util/trace.js';

/** What a pool looks like to a borrower that has waited for too long. */
export interface ExhaustedPool {
  readonly max: number;
  /** Connections in use. */
  readonly busy: number;
  /** Borrowers that still wait. */
  readonly waiting: number;
  /** What was borrowed first of that which is in use. */
  readonly oldest: { readonly since: number; readonly trace: Trace | undefined } | undefined;
  /** Where the oldest unit of work was opened that is still open. */
  readonly unit: Trace | undefined;
}

/** Describes what holds the connections, as the cause of an error. */
export function explainWait({ max, busy, waiting, oldest, unit }: ExhaustedPool): Error {
  const age = Math.round(oldest ? performance.now() - oldest.since : 0);
  return new Error(
    [
      `${busy} connections are in use (pool.max: ${max}), the oldest for ${age} ms, and ${waiting} borrowers still wait.`,
      oldest?.trace && `The oldest was borrowed\n${oldest.trace.frames}`,
      unit && `The oldest unit of work has been open for ${Math.round(unit.age)} ms. It was opened\n${unit.frames}`,
    ]
      .filter(Boolean)
      .join('\n'),
  );
}
