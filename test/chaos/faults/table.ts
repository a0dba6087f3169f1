import type { Outcome, Settings } from './app.js';

/** What came of one scenario. Times in ms. */
export interface Row {
  scenario: string;
  driver: Settings['driver'];
  mode: Settings['mode'];
  /** How many of the first requests succeeded, failed with an answer for the client, failed without one, and hung. */
  ok: number;
  mapped: number;
  unmapped: number;
  hung: number;
  /** Until the first, and until 32 of 32, have succeeded; undefined: not at all. */
  first: number | undefined;
  all: number | undefined;
  /** Connections that can be had at the same time, of those that the pool has. */
  slots: string;
  unhandled: number;
  /** How long `close()` took; undefined: not at all. */
  close: number | undefined;
  exits: boolean;
  /** What went wrong, and how often. */
  why: string;
}

const COLUMNS = [
  ...(['scenario', 'driver', 'mode', 'ok', 'mapped', 'unmapped', 'hung', 'first', 'all'] as const),
  ...(['slots', 'unhandled', 'close', 'exits', 'why'] as const),
] satisfies (keyof Row)[];

/** Prints what scenarios have led to, a row each. */
export function printTable(rows: Row[]): void {
  const sorted = rows.toSorted((a, b) => key(a).localeCompare(key(b)));
  const lines = [COLUMNS, ...sorted.map(row => COLUMNS.map(column => String(row[column] ?? '–')))];
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map(line => line[i]!.length)));
  const texts = lines.map(line => line.map((cell, i) => cell.padEnd(widths[i]!)).join('  '));
  console.log(texts.map(text => text.trimEnd()).join('\n'));
}

const key = ({ scenario, driver, mode }: Row): string => `${scenario} ${driver} ${mode === 'ours' ? 0 : 1}`;

/** How many of the outcomes are of each kind. */
export function count(outcomes: Outcome[]): Pick<Row, Outcome['result']> {
  const counts = { ok: 0, mapped: 0, unmapped: 0, hung: 0 };
  for (const { result } of outcomes) counts[result]++;
  return counts;
}

/** What went wrong, and how often. */
export function describeReasons(outcomes: Outcome[], unhandled: string[]): string {
  const reasons = new Map<string, number>();
  for (const why of [...outcomes.map(outcome => outcome.why), ...unhandled.map(text => `unhandled: ${text}`)]) {
    if (why !== undefined) {
      reasons.set(why, (reasons.get(why) ?? 0) + 1);
    }
  }
  return [...reasons].map(([why, times]) => `${times}× ${why.slice(0, 60)}`).join(', ');
}
