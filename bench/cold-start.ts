// A new process to its first row: the time from its start until it has printed the row.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { median, rounded } from './support/measure.ts';
import { report } from './support/report.ts';

const ROUNDS = 20;
const PATTERNS = ['ours', 'guide'] as const;
const folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-bench-'));
const script = (name: string): string => resolve(import.meta.dirname, 'cold', `${name}.js`);

const migrated = { ours: [] as number[], guide: [] as number[] };
const fresh = { ours: [] as number[], guide: [] as number[] };
const imports: number[] = [];
try {
  for (let round = 0; round <= ROUNDS; round++) {
    const turns = round % 2 === 0 ? PATTERNS : PATTERNS.toReversed();
    for (const pattern of turns) {
      const first = await firstRow(pattern, join(folder, `${pattern} ${round}.db`));
      const later = await firstRow(pattern, join(folder, `${pattern} 0.db`));
      // round 0 fills the caches of the file system
      if (round > 0) {
        fresh[pattern].push(first);
        migrated[pattern].push(later);
      }
    }
    const { stdout } = await promisify(execFile)(process.execPath, [script('import')]);
    imports.push(Number(stdout));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

const ms = (times: number[]): string => `${median(times).toFixed(0)} ms`;
const of = (times: typeof fresh): string =>
  `${ms(times.ours)}, ${(median(times.ours) / median(times.guide)).toFixed(2)} of it`;
await report({
  id: 'cold-start',
  title: 'a new Node.js process to its first row, SQLite',
  lines: [
    ['database migrated: MikroORM.init, migrator.up, findOne, by hand', ms(migrated.guide)],
    ['database migrated: createOrmSingleton with migrate, withRequestContext', of(migrated)],
    ['database new: by hand', ms(fresh.guide)],
    ['database new: ours', of(fresh)],
    ['of which the import of this package, MikroORM being there', `${median(imports).toFixed(1)} ms`],
  ],
  ratio: rounded(median(migrated.ours) / median(migrated.guide)),
  ours: {
    milliseconds: rounded(median(migrated.ours)),
    newDatabaseMilliseconds: rounded(median(fresh.ours)),
    importMilliseconds: rounded(median(imports)),
  },
  guide: {
    milliseconds: rounded(median(migrated.guide)),
    newDatabaseMilliseconds: rounded(median(fresh.guide)),
  },
});

/** Milliseconds until the process has printed the row. */
async function firstRow(pattern: (typeof PATTERNS)[number], file: string): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, [script(pattern), file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const text = await new Promise<string>(done => {
    child.stdout.once('data', (data: Buffer) => done(String(data)));
    child.once('exit', code => done(`exit ${code}`));
  });
  const time = performance.now() - start;
  if (text !== 'first') {
    throw new Error(`${pattern} printed ${text}`);
  }
  child.kill('SIGKILL'); // how an app ends is another matter
  await ended;
  return time;
}
