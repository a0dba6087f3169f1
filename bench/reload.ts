// 20 reloads of `next dev`: each evaluates the app's modules again, and a request follows.
import { createAppDatabase, PATTERNS, watchBackends, type Pattern } from '../test/apps/support/app-database.ts';
import { createAppGraph, removeCopies, type AppGraph } from './support/graph.ts';
import { median, rounded } from './support/measure.ts';
import { report, type Figures } from './support/report.ts';

const RELOADS = 20;

const results = {} as Record<Pattern, Figures>;
for (const pattern of PATTERNS) {
  results[pattern] = await reload(pattern);
}
const { ours, guide } = results;
const line = ({ backends, failures, milliseconds }: Figures): string =>
  `${backends} backends at the end, ${failures} requests failed, ${milliseconds} ms for a reload and its request`;
await report({
  id: 'reload',
  title: `${RELOADS} reloads with a request after each, PostgreSQL that grants 20 connections`,
  lines: [
    ["the guide's module-level cache", line(guide)],
    ['createOrmSingleton with migrate', line(ours)],
  ],
  ours,
  guide,
});
await removeCopies();

async function reload(pattern: Pattern): Promise<Figures> {
  const database = await createAppDatabase('postgresql', pattern);
  const watch = await watchBackends(database);
  const graphs: AppGraph[] = [];
  const times: number[] = [];
  let failures = 0;
  for (let i = 0; i <= RELOADS; i++) {
    const start = performance.now();
    const graph = await createAppGraph(pattern, database, 'reload');
    graphs.push(graph);
    await graph.request().catch(() => failures++);
    times.push(performance.now() - start);
  }
  const backends = await watch.now();
  await Promise.allSettled(graphs.flatMap(({ orms }) => [...orms].map(orm => orm.close())));
  await watch.stop();
  await database.drop();
  return { backends, failures, milliseconds: rounded(median(times.slice(1))) };
}
