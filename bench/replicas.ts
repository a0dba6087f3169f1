// Six processes of an app at once migrate a database that is new.
import { fork, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import type { Order, Report } from '../test/chaos/replica.ts';
import { createDatabase } from '../test/support/databases.ts';
import { median, rounded } from './support/measure.ts';
import { report, type Figures } from './support/report.ts';

const PROCESSES = 6;
const ROUNDS = 5;
const PATTERNS = ['ours', 'guide'] as const;
const DRIVERS = ['postgresql', 'mariadb'] as const;

const children = await Promise.all(Array.from({ length: PROCESSES }, startReplica));
const crashed = { ours: {} as Figures, guide: {} as Figures };
const times = { ours: {} as Figures, guide: {} as Figures };
try {
  for (const driver of DRIVERS) {
    const taken = { ours: [] as number[], guide: [] as number[] };
    for (let i = 0; i < ROUNDS; i++) {
      for (const pattern of PATTERNS) {
        const start = performance.now();
        const errors = await round(pattern, driver);
        taken[pattern].push(performance.now() - start);
        crashed[pattern][driver] = (crashed[pattern][driver] ?? 0) + errors;
      }
    }
    for (const pattern of PATTERNS) {
      times[pattern][driver] = rounded(median(taken[pattern]));
    }
  }
} finally {
  children.forEach(child => child.kill('SIGKILL'));
}

const figuresOf = (pattern: (typeof PATTERNS)[number]): Figures => ({
  failures: crashed[pattern]['postgresql']! + crashed[pattern]['mariadb']!,
  postgresqlFailures: crashed[pattern]['postgresql']!,
  mariadbFailures: crashed[pattern]['mariadb']!,
  runs: PROCESSES * ROUNDS * DRIVERS.length,
  postgresqlMilliseconds: times[pattern]['postgresql']!,
  mariadbMilliseconds: times[pattern]['mariadb']!,
});
const line = (pattern: (typeof PATTERNS)[number], driver: string): string =>
  `${crashed[pattern][driver]} of ${PROCESSES * ROUNDS} runs crash, ${times[pattern][driver]} ms until the last has ended`;
await report({
  id: 'replicas',
  title: `${PROCESSES} processes migrate a new database at once, ${ROUNDS} times`,
  lines: DRIVERS.flatMap((driver): [string, string][] => [
    [`${driver}, the guide's migrator.up()`, line('guide', driver)],
    [`${driver}, createOrmSingleton with migrate`, line('ours', driver)],
  ]),
  ours: figuresOf('ours'),
  guide: figuresOf('guide'),
});

/** How many of the processes crash. */
async function round(mode: Order['mode'], driver: (typeof DRIVERS)[number]): Promise<number> {
  const { config, drop } = await createDatabase(driver);
  // a class does not pass between processes
  const sendable = { ...config, driver: undefined } as unknown as Order['config'];
  const reports = await Promise.all(children.map(child => migrate(child, { mode, driver, config: sendable })));
  await drop();
  return reports.filter(({ error }) => error !== undefined).length;
}

function migrate(child: ChildProcess, order: Order): Promise<Report> {
  return new Promise(done => {
    const end = (answer: Report): void => {
      child.off('message', listen).off('exit', exit);
      done(answer);
    };
    const listen = (message: Report | string): void => void (typeof message === 'object' && end(message));
    const exit = (code: number | null): void => end({ error: `the process ended with ${code}` });
    child.on('message', listen).on('exit', exit).send(order);
  });
}

function startReplica(): Promise<ChildProcess> {
  const child = fork(resolve(import.meta.dirname, '../test/chaos/replica.ts'), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  return new Promise((ready, failed) => {
    child.once('message', () => ready(child));
    child.once('exit', code => failed(new Error(`A replica ended with ${code}`)));
  });
}
