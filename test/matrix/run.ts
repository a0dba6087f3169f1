import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CELLS } from './cells.ts';
import { Bench } from './support/bench.ts';
import type { Cell } from './support/cell.ts';
import { removePacked } from './support/library.ts';
import { formatTable, type Result } from './support/table.ts';

const USAGE = `npm run matrix -- NAME …       runs these cells
npm run matrix -- --all        runs all, one after the other
npm run matrix -- --list       lists them

  --verbose   prints what the commands print
  --keep      leaves the temporary folders
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean' },
    list: { type: 'boolean' },
    verbose: { type: 'boolean' },
    keep: { type: 'boolean' },
  },
});

// what npm tells its scripts is about this repository, and not about the app of a cell
for (const name of Object.keys(process.env)) {
  if (
    /^(npm_(lifecycle|package|command|execpath|node_execpath|config_(local_prefix|prefix|user_agent))|INIT_CWD)/.test(
      name,
    )
  ) {
    delete process.env[name];
  }
}

async function runCell(cell: Cell): Promise<Result> {
  // the real path: some tools refuse files that they reach by a link
  const folder = await mkdtemp(join(await realpath(tmpdir()), `mikro-orm-web-${cell.name}-`));
  const bench = new Bench(folder, text => values.verbose && console.log(text));
  const start = performance.now();
  console.log(`${cell.name}: ${cell.about}`);
  let error: unknown;
  try {
    await cell.run(bench);
  } catch (thrown) {
    error = thrown;
    console.error(thrown);
  }
  const seconds = Math.round((performance.now() - start) / 1_000);
  if (values.keep) {
    console.log(folder);
  } else {
    await rm(folder, { recursive: true, force: true });
  }
  return { name: cell.name, ok: error === undefined, seconds, found: bench.found, notes: bench.notes };
}

const unknown = positionals.filter(name => !CELLS.some(cell => cell.name === name));
const chosen = values.all ? CELLS : CELLS.filter(cell => positionals.includes(cell.name));

if (values.list) {
  console.log(CELLS.map(({ name, about }) => `${name.padEnd(30)}${about}`).join('\n'));
} else if (unknown.length > 0 || chosen.length === 0) {
  console.error(unknown.length > 0 ? `There is no cell ${unknown.join(', ')}; --list lists them` : USAGE);
  process.exitCode = 2;
} else {
  const results: Result[] = [];
  for (const cell of chosen) {
    results.push(await runCell(cell));
  }
  await removePacked();
  console.log(`\n${formatTable(results)}`);
  process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
}
