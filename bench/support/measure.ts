/** What is measured side by side: one unit of work for each name. */
export type Variants<Name extends string> = Record<Name, () => unknown>;

export interface Measured {
  /** The median over all rounds. */
  microseconds: number;
  /** To the variant `to`: the median of the ratios of each round, so that what slows a round down slows both. */
  ratio(to: Measured): number;
}

/**
 * Runs each variant in turn, `rounds` times over, for about `milliseconds` a turn. The order rotates from round to round:
 * on a noisy machine only what ran in the same moment can be compared.
 */
export async function alternate<Name extends string>(
  variants: Variants<Name>,
  { rounds = 250, milliseconds = 4 } = {},
): Promise<Record<Name, Measured>> {
  const names = Object.keys(variants) as Name[];
  const counts = new Map<Name, number>();
  for (const name of names) {
    counts.set(name, await countFor(variants[name], milliseconds));
  }
  const times = new Map<Name, number[]>(names.map(name => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length]!;
      times.get(name)!.push(await timeOf(variants[name], counts.get(name)!));
    }
  }
  return Object.fromEntries(names.map(name => [name, measured(times.get(name)!)])) as Record<Name, Measured>;
}

const raw = new WeakMap<Measured, number[]>();

function measured(times: number[]): Measured {
  const self: Measured = {
    microseconds: median(times),
    ratio: to => ratioOf(times, raw.get(to)!),
  };
  raw.set(self, times);
  return self;
}

/** How often the work fits into the time, once it is warm. */
async function countFor(work: () => unknown, milliseconds: number): Promise<number> {
  await timeOf(work, 200);
  const warm = performance.now() + 5 * milliseconds;
  let count = 200;
  let each = 0;
  do {
    each = await timeOf(work, count);
    count = Math.max(10, Math.round((milliseconds * 1000) / each));
  } while (performance.now() < warm);
  return count;
}

/** Microseconds for one unit of work. */
async function timeOf(work: () => unknown, count: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    await work();
  }
  return ((performance.now() - start) * 1000) / count;
}

/** The median of the pairwise ratios. */
export function ratioOf(ours: number[], theirs: number[]): number {
  return median(ours.map((time, round) => time / theirs[round]!));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param share 0.99 for the 99th percentile */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(place)] ?? NaN, sorted[Math.ceil(place)] ?? NaN];
  return low + (high - low) * (place % 1);
}

/** Three significant digits, as a number. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
