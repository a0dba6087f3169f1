import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/core';
import { expect, test } from 'vitest';
import { createDatabase, describeDriver } from '../support/databases.js';
import { createGraph } from '../support/graphs.js';

const FLOWS = 100;

for (const name of ['sqlite', 'libsql', 'postgresql', 'mariadb'] as const) {
  await describeDriver(name, () => {
    test('contexts and transactions of three ORMs nest and interleave: none loses or sees another one’s', async () => {
      const databases = await Promise.all([createDatabase(name), createDatabase('sqlite'), createDatabase(name)]);
      const graphs = await Promise.all(databases.map(({ config }) => createGraph(config)));
      const orms = graphs.map((graph, i) =>
        graph.createOrmSingleton(graph.config, { migrate: true, name: `nested ${i}` }),
      );
      const [first, second, third] = graphs.map((graph, i) => ({
        User: graph.User,
        run: <T>(work: (em: EntityManager) => Promise<T>) =>
          graph.withRequestContext(orms[i]!, em => work(em as EntityManager)),
      })) as [Layer, Layer, Layer];
      interface Layer {
        User: (typeof graphs)[0]['User'];
        run: <T>(work: (em: EntityManager) => Promise<T>) => Promise<T>;
      }
      const add = ({ User }: Layer, em: EntityManager, id: number) =>
        em.persist(em.create(User, { email: `${id}@example.com`, name: String(id) }));

      await Promise.all(
        Array.from({ length: FLOWS }, (_, id) =>
          first.run(async outer => {
            add(first, outer, id);
            await outer.flush();
            await second
              .run(em =>
                em.transactional(async tx => {
                  add(second, tx, id);
                  // in a transaction of one ORM, another one has its own
                  await third.run(async inner => {
                    await sleep(id % 3);
                    add(third, inner, id);
                    await inner.flush();
                    await first.run(async again => expect(again).toBe(outer));
                  });
                  await second.run(async same => expect(same).toBe(tx));
                  if (id % 2) throw new Error('rolled back');
                }),
              )
              .catch((error: Error) => expect(error.message).toBe('rolled back'));
            const [own] = await outer.findAll(first.User, { where: { name: String(id) } });
            expect(own!.email).toBe(`${id}@example.com`);
          }),
        ),
      );
      const counts = await Promise.all([first, second, third].map(layer => layer.run(em => em.count(layer.User))));
      expect(counts).toEqual([FLOWS, FLOWS / 2, FLOWS]);
      await Promise.all(orms.map(orm => orm.close()));
      await Promise.all(databases.map(database => database.drop()));
    });
  });
}
