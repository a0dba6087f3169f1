// Ten minutes of all that a server does to an ORM, on PostgreSQL: what is left at the end? SOAK_SECONDS shortens it.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { MikroORM } from '@mikro-orm/core';
import { createOrmSingleton, forkPerRequest, openEm, retryTransaction, withRequestContext } from '../dist/index.js';
import { createDatabase, onServer, type DatabaseConfig } from '../test/support/databases.ts';
import { createGraph } from '../test/support/graphs.ts';
import { removeCopies } from './support/graph.ts';
import { report } from './support/report.ts';

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 600);
const CLIENTS = 16;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const database = await createDatabase('postgresql');
const graph = await createGraph({ ...database.config, pool: { min: 0, max: 8 } } as DatabaseConfig);
const { User } = graph;
const orm = createOrmSingleton(graph.config, {
  migrate: true,
  name: 'soak',
  pool: { validateAfter: 0, acquireTimeout: 5_000, queryTimeout: 5_000 },
});
const opened = (await orm()) as unknown as MikroORM;
await opened.em.fork().insertMany(
  User,
  Array.from({ length: 100 }, (_, i) => ({ email: `user ${i}`, name: 'somebody' })),
);
const emOf = forkPerRequest(orm);

const KINDS: ((i: number) => Promise<unknown>)[] = [
  // a request that reads, in a context within a context
  i =>
    withRequestContext(orm, () =>
      withRequestContext(orm, inner => inner.findOne(User, { email: `user ${i % 100}` }), { filters: {} }),
    ),
  // one that writes and fails
  i => withRequestContext(orm, em => em.insert(User, { email: `user ${i % 100}`, name: 'twice' })),
  // a transaction that throws
  () =>
    retryTransaction(orm, async em => {
      await em.nativeUpdate(User, { email: 'user 1' }, { name: 'changed' });
      throw new Error('the app');
    }),
  // a client that leaves
  async () => {
    const { em, end } = await openEm(orm, { signal: AbortSignal.timeout(1) });
    await em.getConnection().execute('select pg_sleep(0.005)').finally(end);
  },
  // a request object, never seen again
  async i => (await emOf({ i })).count(User),
  // a stream that is not read to its end
  async () => {
    const connection = opened.driver.getConnection() as unknown as { stream(sql: string): AsyncIterable<unknown> };
    for await (const _ of connection.stream('select generate_series(1, 1000)')) {
      break;
    }
  },
];

let requests = 0;
let failed = 0;
async function run(seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1_000;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (performance.now() < end) {
        const i = requests++;
        await KINDS[i % KINDS.length]!(i).catch(() => failed++);
      }
    }),
  );
}

async function look() {
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  const [row] = await onServer<{ n: number }[]>(
    { ...database.config, dbName: 'postgres' },
    `select count(*)::int as n from pg_stat_activity where datname = '${database.config.dbName}'`,
  );
  const { pools, unitsOfWork } = orm.stats();
  return {
    heapMb: Math.round((process.memoryUsage().heapUsed / 1_048_576) * 10) / 10,
    handles: process.getActiveResourcesInfo().length,
    backends: row!.n,
    busy: pools['write']!.busy,
    unitsOfWork,
  };
}

await run(Math.min(20, SECONDS / 4)); // warm
const before = await look();
requests = failed = 0;
await run(SECONDS);
const after = await look();
const line = ({ heapMb, handles, backends, busy, unitsOfWork }: typeof before) =>
  `heap ${heapMb} MB, ${handles} handles, ${backends} backends, ${busy} busy, ${unitsOfWork} units of work`;
await report({
  id: 'soak',
  title: `${SECONDS} seconds, ${requests} requests of six kinds (${failed} failed, as they should), PostgreSQL`,
  lines: [
    ['at the start', line(before)],
    ['at the end', line(after)],
  ],
  ours: { ...after, requests },
  guide: before,
});
await orm.close();
await database.drop();
await removeCopies();
