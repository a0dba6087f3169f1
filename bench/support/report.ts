/** Numbers with their units in their names. */
export type Figures = Record<string, number>;

/** What a row of the benchmark has measured. */
export interface Row {
  id: string;
  /** What is compared. */
  title: string;
  /** What each figure means, and the figure. */
  lines: [meaning: string, figure: string][];
  /** Ours to the one written by hand, or to the guide's: 1 is as fast, less is faster. */
  ratio?: number;
  ours: Figures;
  guide: Figures;
}

/** The rows that this process was asked for; all of its rows if it was started by hand. */
export function isWanted(id: string): boolean {
  const wanted = process.argv.slice(2);
  return wanted.length === 0 || wanted.includes(id);
}

/** Hands a row to `bench/run.ts`, or prints it if there is none. */
export function report(row: Row): Promise<void> {
  if (!process.send) {
    print(row);
  }
  return new Promise(sent => (process.send ? process.send(row, () => sent()) : sent()));
}

export function print({ id, title, lines, ratio }: Row): void {
  const width = Math.max(...lines.map(([meaning]) => meaning.length));
  console.log(`\n${id}: ${title}${ratio === undefined ? '' : ` (ours to the other: ${ratio.toFixed(2)})`}`);
  for (const [meaning, figure] of lines) {
    console.log(`  ${meaning.padEnd(width)}  ${figure}`);
  }
}
