import { setTimeout as sleep } from 'node:timers/promises';
import { MikroORM, type EntityManager } from '@mikro-orm/core';
import { expect, test } from 'vitest';
import { createDatabase, describeDriver, killConnections, type DatabaseConfig } from '../support/databases.js';
import { createGraph } from '../support/graphs.js';

const CLIENTS = 64;
const POOL = 6;
const SECONDS = 20;
/** A request that takes longer hangs. In ms. */
const PATIENCE = 8_000;

type Work = (em: EntityManager, id: string) => Promise<unknown>;

/** Requests of an app: each runs on a connection, some hold one through a transaction. */
function worksOn(User: never): Work[] {
  const create = (em: EntityManager, id: string) => em.create(User, { email: `${id}@example.com`, name: id } as never);
  return [
    em => em.count(User),
    em => em.getConnection().execute('select 1 as one'),
    async (em, id) => {
      create(em, id);
      await em.flush();
    },
    (em, id) =>
      em.transactional(async tx => {
        create(tx, id);
        await tx.flush();
        await sleep(Math.random() * 10);
        await tx.count(User);
      }),
  ];
}

/** Whether all connections of the pool can be had at the same time. */
async function isFull(fork: () => EntityManager): Promise<boolean> {
  const { promise: all, resolve: open } = Promise.withResolvers<void>();
  let held = 0;
  const works = Array.from({ length: POOL }, () =>
    fork().transactional(async em => {
      await em.getConnection().execute('select 1 as one', [], 'all', em.getTransactionContext());
      if (++held === POOL) {
        open();
      }
      await all;
    }),
  );
  const full = await Promise.race([Promise.all(works).then(() => true), sleep(5_000, false)]);
  open();
  await Promise.race([Promise.allSettled(works), sleep(1_000)]);
  return full;
}

/** Runs `request` on all clients for some seconds while connections die; counts what came of it. */
async function storm(
  name: 'postgresql' | 'mariadb',
  config: DatabaseConfig,
  seconds: number,
  request: (id: string) => Promise<number | string>,
): Promise<{ kills: number; answers: Record<string, number> }> {
  const end = Date.now() + seconds * 1_000;
  const answers: Record<string, number> = {};
  let kills = 0;
  const killer = (async () => {
    while (Date.now() < end) {
      kills += await killConnections(name, config, 2);
      await sleep(100);
    }
  })();
  let count = 0;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (Date.now() < end) {
        const answer = await Promise.race([request(`u${count++}`), sleep(PATIENCE, 'hangs', { ref: false })]);
        answers[answer] = (answers[answer] ?? 0) + 1;
        if (answer === 'hangs') {
          return;
        }
      }
    }),
  );
  await killer;
  return { kills, answers };
}

for (const name of ['postgresql', 'mariadb'] as const) {
  await describeDriver(name, () => {
    test(`connections die under ${CLIENTS} clients for ${SECONDS} s: all get an answer, and the pool is full again`, async () => {
      const database = await createDatabase(name);
      const graph = await createGraph({ ...database.config, pool: { min: 0, max: POOL } });
      const orm = graph.createOrmSingleton(graph.config, { migrate: true });
      const works = worksOn(graph.User as never);
      await orm();
      const { kills, answers } = await storm(name, database.config, SECONDS, async id => {
        const work = works[Math.floor(Math.random() * works.length)]!;
        try {
          await (Math.random() < 0.2
            ? graph.retryTransaction(orm, em => em.count(graph.User))
            : graph.withRequestContext(orm, em => work(em as EntityManager, id)));
          return 200;
        } catch (error) {
          return graph.mapOrmError(error, { orm })?.status ?? `not mapped: ${String(error)}`;
        }
      });
      console.log(`${name}: ${kills} connections killed; answers ${JSON.stringify(answers)}`);
      expect(Object.keys(answers).sort()).toEqual(['200', '503']);
      expect(answers['200']).toBeGreaterThan(answers['503']!);
      expect(kills).toBeGreaterThan(20);
      const { em } = await orm();
      expect(await isFull(() => em.fork() as EntityManager)).toBe(true);
      await orm.close();
      await database.drop();
    }, 90_000);
  });
}

await describeDriver('postgresql', () => {
  test("the guide's pattern loses connections for good", async () => {
    const database = await createDatabase('postgresql');
    const graph = await createGraph({ ...database.config, pool: { min: 0, max: POOL } });
    const orm = await MikroORM.init(graph.config as never);
    await orm.migrator.up();
    const works = worksOn(graph.User as never);
    const { kills, answers } = await storm('postgresql', database.config, 4, async id => {
      try {
        await works[Math.floor(Math.random() * works.length)]!(orm.em.fork(), id);
        return 200;
      } catch {
        return 500;
      }
    });
    const full = await isFull(() => orm.em.fork());
    console.log(`postgresql, the guide: ${kills} killed; answers ${JSON.stringify(answers)}; pool full again: ${full}`);
    expect(full).toBe(false);
    await Promise.race([orm.close(true), sleep(1_000)]);
    await database.drop();
  }, 60_000);
});
