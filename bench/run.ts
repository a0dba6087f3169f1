// npm run bench [-- ROW … --json FILE]: each group of rows in a process of its own, so that none warms up for another.
import { fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isReachable, type DriverName } from '../test/support/databases.ts';
import { print, type Row } from './support/report.ts';

interface Group {
  file: string;
  rows: string[];
  needs?: DriverName[];
  environment?: 'production' | 'development';
  /** Seconds, then it is stopped. */
  limit: number;
  /** Only where it is asked for by name. */
  onDemand?: boolean;
}

const GROUPS: Group[] = [
  { file: 'request-cost.ts', rows: ['context', 'fork', 'context-query', 'fork-query'], limit: 120 },
  { file: 'http.ts', rows: ['http'], limit: 180 },
  { file: 'load.ts', rows: ['load', 'stream', 'insert'], needs: ['postgresql'], limit: 120 },
  { file: 'cold-start.ts', rows: ['cold-start'], limit: 120 },
  { file: 'storm.ts', rows: ['storm'], needs: ['postgresql'], limit: 60 },
  { file: 'reload.ts', rows: ['reload'], needs: ['postgresql'], environment: 'development', limit: 60 },
  { file: 'replicas.ts', rows: ['replicas'], needs: ['postgresql', 'mariadb'], limit: 90 },
  { file: 'edge.ts', rows: ['edge'], limit: 120 },
  { file: 'map-error.ts', rows: ['map-error'], limit: 60 },
  { file: 'testing.ts', rows: ['testing'], needs: ['postgresql'], limit: 120 },
  { file: 'soak.ts', rows: ['soak'], needs: ['postgresql'], limit: 900, onDemand: true },
];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } });
const known = GROUPS.flatMap(({ rows }) => rows);
const unknown = positionals.filter(id => !known.includes(id));
if (unknown.length > 0) {
  throw new Error(`No row is called ${unknown.join(', ')}. There are: ${known.join(', ')}`);
}

console.log(`Node.js ${process.version}, ${cpus().length} cores`);
const measured: Row[] = [];
for (const group of GROUPS) {
  const wanted = group.rows.filter(id => (positionals.length === 0 && !group.onDemand) || positionals.includes(id));
  const missing: string[] = [];
  for (const name of wanted.length > 0 ? (group.needs ?? []) : []) {
    if (!(await isReachable(name))) {
      missing.push(name);
    }
  }
  if (missing.length > 0) {
    console.log(`\n${wanted.join(', ')}: SKIPPED, no server for ${missing.join(' and ')} answers on 127.0.0.1`);
  } else if (wanted.length > 0) {
    measured.push(...(await run(group, wanted)));
  }
}
if (values.json !== undefined) {
  const rows = measured.map(({ id, ratio, ours, guide }) => ({ id, ratio, ours, guide }));
  await writeFile(values.json, `${JSON.stringify({ rows }, undefined, 2)}\n`);
}

/** Prints the rows as they come, and returns them. */
function run({ file, environment = 'production', limit }: Group, wanted: string[]): Promise<Row[]> {
  const rows: Row[] = [];
  const child = fork(resolve(import.meta.dirname, file), wanted, {
    env: { ...process.env, NODE_ENV: environment },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  child.on('message', (row: Row) => {
    rows.push(row);
    print(row);
  });
  const timer = setTimeout(() => {
    console.error(`${file} was stopped after ${limit} s`);
    child.kill('SIGKILL');
  }, limit * 1000);
  return new Promise(ended => {
    child.once('exit', code => {
      clearTimeout(timer);
      if (code !== 0) {
        console.error(`\n${wanted.join(', ')}: FAILED, ${file} ended with ${code ?? 'a signal'}`);
        process.exitCode = 1;
      }
      ended(rows);
    });
  });
}
