// Whole requests to one production build of the Next.js example: its route, and the same route written by hand.
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import autocannon from 'autocannon';
import { nextAppIn } from '../test/apps/support/next-app.ts';
import { median, quantile, ratioOf, rounded } from './support/measure.ts';
import { report, type Figures } from './support/report.ts';

const CLIENTS = 4;
const REQUESTS = 400;
const ROUNDS = 20;
const WARM_UP = 3;
const ROUTES = { ours: '/api/users/1', guide: '/by-hand/users/1' };
type Route = keyof typeof ROUTES;

const repository = resolve(import.meta.dirname, '..');
const folder = await copyExample();
const app = nextAppIn(folder, 'turbopack');
const latencies: Record<Route, number[]> = { ours: [], guide: [] };
const rounds: Record<Route, number[]> = { ours: [], guide: [] };
try {
  await app.build({});
  const server = await app.start({ DATABASE_FILE: join(folder, 'bench.db') });
  const user = JSON.stringify({ fullName: 'Ann', email: 'ann@example.com', password: 'correct horse' });
  await fetch(`${server.address}/api/users`, { method: 'POST', body: user });
  const [a, b] = await Promise.all(Object.values(ROUTES).map(route => server.get(route)));
  if (a!.status !== 200 || a!.text !== b!.text) {
    throw new Error(`The routes differ: ${a!.text}, ${b!.text}\n${server.log()}`);
  }
  for (let i = 0; i < WARM_UP + ROUNDS; i++) {
    for (const route of i % 2 === 0 ? (['ours', 'guide'] as const) : (['guide', 'ours'] as const)) {
      const times: number[] = [];
      const took = await visit(server.address + ROUTES[route], times);
      if (i >= WARM_UP) {
        rounds[route].push(took);
        latencies[route].push(...times);
      }
    }
  }
} finally {
  await app.stop();
  await rm(folder, { recursive: true, force: true });
}

const figuresOf = (route: Route): Figures => ({
  requestsPerSecond: rounded((REQUESTS * 1000) / median(rounds[route])),
  p50Milliseconds: rounded(quantile(latencies[route], 0.5)),
  p99Milliseconds: rounded(quantile(latencies[route], 0.99)),
});
const line = ({ requestsPerSecond, p50Milliseconds, p99Milliseconds }: Figures): string =>
  `${requestsPerSecond} requests a second; half within ${p50Milliseconds} ms, 99 of 100 within ${p99Milliseconds} ms`;
const [ours, guide] = [figuresOf('ours'), figuresOf('guide')];
await report({
  id: 'http',
  title: `a user as JSON from a route handler, Next.js production build, SQLite, ${CLIENTS} clients`,
  lines: [
    ["the guide's pattern, by hand", line(guide)],
    ['withRequestContext and mapOrmError', line(ours)],
  ],
  ratio: rounded(ratioOf(rounds.ours, rounds.guide)),
  ours,
  guide,
});

/** One round of requests to a route; adds what each of them took, and returns what all did, in ms. */
async function visit(url: string, times: number[]): Promise<number> {
  const start = performance.now();
  let last = start; // autocannon itself ends with a full second
  const { errors, non2xx } = await new Promise<autocannon.Result>((done, fail) => {
    const load = autocannon({ url, connections: CLIENTS, amount: REQUESTS }, (error, result) =>
      error ? fail(error as Error) : done(result),
    );
    load.on('response', (_client, _status, _bytes, milliseconds) => {
      times.push(milliseconds);
      last = performance.now();
    });
  });
  if (errors + non2xx > 0) {
    throw new Error(`${url}: ${errors} errors, ${non2xx} answers that are no success`);
  }
  return last - start;
}

/** The example with a route beside its own, which has its entities and its ORM to itself. */
async function copyExample(): Promise<string> {
  const example = join(repository, 'examples/nextjs');
  const parent = join(import.meta.dirname, '.tmp');
  await mkdir(parent, { recursive: true });
  const copy = await mkdtemp(join(parent, 'next-app-'));
  await cp(example, copy, {
    recursive: true,
    filter: source => !/^(\.next.*|node_modules|app\.db.*|.*\.tsbuildinfo)$/.test(basename(source)),
  });
  await cp(join(import.meta.dirname, 'http-app'), copy, { recursive: true });
  await cp(join(example, 'lib/entities'), join(copy, 'lib/by-hand/entities'), { recursive: true });
  await cp(join(example, 'lib/password.ts'), join(copy, 'lib/by-hand/password.ts'));
  const config = join(copy, 'next.config.ts');
  const text = await readFile(config, 'utf8');
  await writeFile(config, text.replace(`'../..'`, `'../../..'`));
  return copy;
}
