/** What came of a cell. */
export interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly found: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/** The results as a table of Markdown. */
export function formatTable(results: readonly Result[]): string {
  const rows = results.map(({ name, ok, seconds, found, notes }) => {
    const versions = [...found].map(([what, version]) => `${what} ${version}`).join(', ');
    return [`\`${name}\``, ok ? 'pass' : 'FAIL', versions, notes.join('; '), `${seconds} s`];
  });
  return [['cell', 'result', 'versions', 'notes', 'time'], ['---', '---', '---', '---', '---'], ...rows]
    .map(row => `| ${row.join(' | ')} |`)
    .join('\n');
}
