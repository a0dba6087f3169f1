import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createDatabase, describeDriver, onServer } from '../support/databases.js';
import { collectGarbage } from '../support/garbage.js';
import { createGraph, importLibrary } from '../support/graphs.js';

await describeDriver('sqlite', () => {
  test('a million forks and contexts leave the heap where it was', async () => {
    const database = await createDatabase('sqlite');
    const graph = await createGraph(database.config);
    const orm = graph.createOrmSingleton(graph.config, { migrate: true });
    const emOf = graph.forkPerRequest(orm);
    const heap = async (requests: number): Promise<number> => {
      for (let i = 0; i < requests; i++) {
        const em = await emOf({});
        await graph.withRequestContext(orm, own => own.getContext() === own && em !== own);
      }
      await collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    await heap(20_000);
    const before = await heap(20_000);
    const after = await heap(500_000);
    console.log(`heap after a million forks: ${((after - before) / 1e6).toFixed(1)} MB more`);
    // eight bytes for each would show
    expect(after - before).toBeLessThan(4e6);
    await orm.close();
    await database.drop();
  }, 120_000);
});

for (const name of ['sqlite', 'postgresql'] as const) {
  await describeDriver(name, () => {
    test('a thousand reloads leave one pool, and a bounded number of ORMs', async () => {
      const database = await createDatabase(name);
      const library = await importLibrary();
      const refs: WeakRef<object>[] = [];
      const reload = async () => {
        const graph = await createGraph(database.config, library);
        const orm = await graph.createOrmSingleton(graph.config, { migrate: true, name: 'reloaded' })();
        await orm.em.fork().count(graph.User);
        refs.push(new WeakRef(orm));
        return orm.driver.getConnection().getNativeClient();
      };
      const natives = new Set();
      for (let i = 0; i < 1000; i++) {
        natives.add(await reload());
      }
      await collectGarbage();
      const alive = refs.filter(ref => ref.deref()).length;
      console.log(`${name}: ${alive} of 1000 reloaded ORMs alive`);
      expect(alive).toBeLessThanOrEqual(3);
      if (name === 'sqlite') {
        expect(natives.size).toBe(1);
      } else {
        const [row] = await onServer<{ count: string }[]>(
          { ...database.config, dbName: 'postgres' },
          `select count(*) from pg_stat_activity where datname = '${database.config.dbName}'`,
        );
        expect(Number(row!.count)).toBe(1);
      }
      const last = await createGraph(database.config, library);
      await last.createOrmSingleton(last.config, { name: 'reloaded' }).close();
      await sleep(50);
      await database.drop();
    }, 120_000);
  });
}
