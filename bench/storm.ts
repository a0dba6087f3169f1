// 200 first requests at once, spread over the four module graphs of a Next.js app, on PostgreSQL.
import { createAppDatabase, PATTERNS, watchBackends, type Pattern } from '../test/apps/support/app-database.ts';
import { createAppGraph, removeCopies } from './support/graph.ts';
import { median, rounded } from './support/measure.ts';
import { report, type Figures } from './support/report.ts';

const REQUESTS = 200;
const GRAPHS = 4;
const ROUNDS = 3;

const rounds: Record<Pattern, Figures[]> = { ours: [], guide: [] };
for (let round = 0; round < ROUNDS; round++) {
  for (const pattern of PATTERNS) {
    rounds[pattern].push(await storm(pattern));
  }
}
const [ours, guide] = [medians(rounds.ours), medians(rounds.guide)];
const line = ({ failures, orms, backends, milliseconds }: Figures): string =>
  `${failures} of ${REQUESTS} fail, ${orms} ORMs, ${backends} backends at most, ${milliseconds} ms`;
await report({
  id: 'storm',
  title: `${REQUESTS} first requests at once in ${GRAPHS} module graphs, PostgreSQL that grants 20 connections`,
  lines: [
    ["the guide's module-level cache", line(guide)],
    ['createOrmSingleton with migrate', line(ours)],
  ],
  ours,
  guide,
});
await removeCopies();

async function storm(pattern: Pattern): Promise<Figures> {
  const database = await createAppDatabase('postgresql', pattern);
  const watch = await watchBackends(database);
  const graphs = await Promise.all(
    Array.from({ length: GRAPHS }, () => createAppGraph(pattern, database, `storm ${rounds[pattern].length}`)),
  );
  const start = performance.now();
  const results = await Promise.allSettled(Array.from({ length: REQUESTS }, (_, i) => graphs[i % GRAPHS]!.request()));
  const milliseconds = performance.now() - start;
  await watch.now();
  const orms = graphs.flatMap(graph => [...graph.orms]);
  const figures = {
    failures: results.filter(({ status }) => status === 'rejected').length,
    orms: orms.length,
    backends: watch.max(),
    milliseconds: rounded(milliseconds),
  };
  await Promise.allSettled(orms.map(orm => orm.close()));
  await watch.stop();
  await database.drop();
  return figures;
}

function medians(all: Figures[]): Figures {
  return Object.fromEntries(Object.keys(all[0]!).map(key => [key, median(all.map(figures => figures[key]!))]));
}
