// A pool under load on PostgreSQL, with all its limits on: this library beside an ORM that is opened by hand.
import { MikroORM, RequestContext } from '@mikro-orm/core';
import { createOrmSingleton, withRequestContext } from '../dist/index.js';
import { createDatabase, type DatabaseConfig } from '../test/support/databases.ts';
import { createGraph } from '../test/support/graphs.ts';
import { removeCopies } from './support/graph.ts';
import { median, quantile, ratioOf, rounded } from './support/measure.ts';
import { isWanted, report } from './support/report.ts';

const CLIENTS = 32;
const ROUNDS = 24;
const REQUESTS = 640;
const ROWS = { stream: 100_000, insert: 10_000 };

const database = await createDatabase('postgresql');
const graph = await createGraph({ ...database.config, pool: { min: 0, max: 8 } } as DatabaseConfig);
const { User } = graph;
const orm = createOrmSingleton(graph.config, { migrate: true, name: 'ours' });
const ours = (await orm()) as unknown as MikroORM;
const byHand = (await MikroORM.init({ ...graph.config, contextName: 'by hand' } as DatabaseConfig)) as MikroORM;
await ours.em.fork().insertMany(
  User,
  Array.from({ length: 1_000 }, (_, i) => ({ email: `user ${i + 1}`, name: 'somebody' })),
);

type Name = 'ours' | 'guide';
const within = {
  ours: <T>(work: (em: MikroORM['em']) => Promise<T>) =>
    withRequestContext(orm, em => work(em as unknown as MikroORM['em'])),
  guide: <T>(work: (em: MikroORM['em']) => Promise<T>) => RequestContext.create(byHand.em, () => work(byHand.em)),
};

/** Of five requests, four read a row and one changes a row in a transaction. */
async function request(name: Name, i: number): Promise<void> {
  const id = (i % 1_000) + 1;
  await within[name](async em => {
    if (i % 5 > 0) {
      await em.findOne(User, id);
    } else {
      await em.transactional(async inner => {
        await inner.findOne(User, id);
        await inner.nativeUpdate(User, id, { name: `name ${i}` });
      });
    }
  });
}

async function load(name: Name): Promise<{ milliseconds: number; latencies: number[] }> {
  let next = 0;
  const latencies: number[] = [];
  const start = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (next < REQUESTS) {
        const begin = performance.now();
        await request(name, next++);
        latencies.push(performance.now() - begin);
      }
    }),
  );
  return { milliseconds: performance.now() - start, latencies };
}

async function stream(name: Name): Promise<number> {
  const connection = (name === 'ours' ? ours : byHand).driver.getConnection() as unknown as {
    stream(sql: string): AsyncIterable<unknown>;
  };
  const start = performance.now();
  let rows = 0;
  for await (const _ of connection.stream(
    `select n, 'text' as text from generate_series(1, ${ROWS.stream}) as t (n)`,
  )) {
    rows++;
  }
  if (rows !== ROWS.stream) {
    throw new Error(`${rows} rows came`);
  }
  return performance.now() - start;
}

async function insert(name: Name): Promise<number> {
  const rows = Array.from({ length: ROWS.insert }, (_, i) => ({ email: `bulk ${i}`, name: 'somebody' }));
  const start = performance.now();
  await within[name](em => em.insertMany(User, rows));
  const milliseconds = performance.now() - start;
  await byHand.em.fork().nativeDelete(User, { email: { $like: 'bulk %' } });
  return milliseconds;
}

/** Each in turn, in changing order: what slows a round down slows both. */
async function alternate<T>(rounds: number, work: (name: Name) => Promise<T>): Promise<Record<Name, T[]>> {
  const results: Record<Name, T[]> = { ours: [], guide: [] };
  await work('ours');
  await work('guide'); // warm
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 ? (['ours', 'guide'] as const) : (['guide', 'ours'] as const)) {
      results[name].push(await work(name));
    }
  }
  return results;
}

if (isWanted('load')) {
  const results = await alternate(ROUNDS, load);
  const times = (name: Name): number[] => results[name].map(({ milliseconds }) => milliseconds);
  const figures = (name: Name) => ({
    requestsPerSecond: rounded((1_000 * REQUESTS) / median(times(name))),
    p99: rounded(
      quantile(
        results[name].flatMap(({ latencies }) => latencies),
        0.99,
      ),
    ),
  });
  const line = ({ requestsPerSecond, p99 }: ReturnType<typeof figures>) =>
    `${requestsPerSecond} requests/s, p99 ${p99} ms`;
  await report({
    id: 'load',
    title: `${CLIENTS} clients, 8 connections, PostgreSQL: findOne, and every fifth a transaction`,
    lines: [
      ['an ORM opened by hand, RequestContext', line(figures('guide'))],
      ['createOrmSingleton, withRequestContext', line(figures('ours'))],
    ],
    ratio: rounded(ratioOf(times('ours'), times('guide'))),
    ours: figures('ours'),
    guide: figures('guide'),
  });
}
for (const [id, title, work] of [
  ['stream', `${ROWS.stream} rows as a stream, PostgreSQL`, stream],
  ['insert', `${ROWS.insert} rows by insertMany, PostgreSQL`, insert],
] as const) {
  if (isWanted(id)) {
    const times = await alternate(9, work);
    const [own, other] = [rounded(median(times.ours)), rounded(median(times.guide))];
    await report({
      id,
      title,
      lines: [
        ['an ORM opened by hand', `${other} ms`],
        ['createOrmSingleton', `${own} ms`],
      ],
      ratio: rounded(ratioOf(times.ours, times.guide)),
      ours: { milliseconds: own },
      guide: { milliseconds: other },
    });
  }
}
await orm.close();
await byHand.close();
await database.drop();
await removeCopies();
