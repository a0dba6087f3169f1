import { expect, onTestFinished, test } from 'vitest';
import * as library from '../../src/index.js';
import { createDatabase, describeDriver, onServer, type DriverName } from '../support/databases.js';
import { createGraph, importLibrary } from '../support/graphs.js';

const NONE = { open: 0, busy: 0, idle: 0, waiting: 0, max: 0 };
const NOTHING = { pools: { write: NONE }, unitsOfWork: 0, orms: 0, runs: 0 };

async function open(driver: DriverName, more: object = {}, migrate = false) {
  const database = await createDatabase(driver);
  onTestFinished(() => database.drop());
  const graph = await createGraph({ ...database.config, ...more }, library);
  const options = { name: `stats ${Math.random()}`, migrate };
  const orm = graph.createOrmSingleton(graph.config, options);
  onTestFinished(() => orm.close());
  return { database, graph, orm, options };
}

for (const driver of ['postgresql', 'mariadb', 'sqlite', 'libsql', 'pglite'] as const) {
  await describeDriver(driver, () => {
    const max = driver === 'postgresql' || driver === 'mariadb' ? 2 : 1;

    test('before the first use, while connections are borrowed and waited for, idle, and after close()', async () => {
      const { graph, orm } = await open(driver, { pool: { min: 0, max } });
      expect(orm.stats()).toEqual(NOTHING);
      await orm();
      expect(orm.stats()).toEqual({ ...NOTHING, pools: { write: { ...NONE, open: 1, idle: 1, max } }, orms: 1 });

      let release!: () => void;
      const released = new Promise<void>(resolve => (release = resolve));
      const hold = () =>
        graph.withRequestContext(orm, em => em.transactional(async () => released), { inherit: false });
      const holders = Array.from({ length: max + 1 }, hold);
      await expect
        .poll(() => orm.stats())
        .toEqual({
          pools: { write: { open: max, busy: max, idle: 0, waiting: 1, max } },
          unitsOfWork: max + 1,
          orms: 1,
          runs: 0,
        });
      release();
      await Promise.all(holders);
      expect(orm.stats()).toMatchObject({ pools: { write: { open: max, busy: 0, idle: max } }, unitsOfWork: 0 });
      await orm.close();
      expect(orm.stats()).toEqual(NOTHING);
    });
  });
}

await describeDriver('postgresql', driver => {
  test('all module graphs of a name tell the same, also one that has not used it yet', async () => {
    const { database, orm, options } = await open(driver);
    await orm();
    const other = await createGraph(database.config, await importLibrary());
    const second = other.createOrmSingleton(other.config, options);
    expect(second.stats()).toEqual(orm.stats());
    await second();
    expect(orm.stats()).toMatchObject({ orms: 2, pools: { write: { open: 1 } } });
    expect(second.stats()).toEqual(orm.stats());
  });

  test('replicas have pools of their own', async () => {
    const { graph, orm } = await open(driver, { replicas: [{}, {}], pool: { min: 0, max: 3 } }, true);
    await orm();
    expect(Object.keys(orm.stats().pools)).toEqual(['write', 'read 0', 'read 1']);
    // the driver picks one at random
    await expect
      .poll(async () => {
        await graph.withRequestContext(orm, em => em.count(graph.User));
        const { pools } = orm.stats();
        return [pools['read 0'], pools['read 1']];
      })
      .toEqual([0, 1].map(() => ({ ...NONE, open: 1, idle: 1, max: 3 })));
  });

  test('a run of migrations is counted while it waits for the lock, and is no unit of work', async () => {
    const { database, orm } = await open(driver, {}, true);
    const { withMigrationLock } = await import('../../src/migrations/lock/migration-lock.js');
    const { MikroORM } = await import('@mikro-orm/core');
    const holder = new MikroORM({ ...database.config, entities: [], discovery: { warnWhenNoEntities: false } });
    onTestFinished(() => holder.close());
    let opening: Promise<unknown> | undefined;
    await withMigrationLock(holder, {}, async () => {
      opening = orm();
      await expect.poll(() => orm.stats()).toMatchObject({ runs: 1, unitsOfWork: 0 });
    });
    await opening;
    expect(orm.stats().runs).toBe(0);
    expect(await onServer(database.config, 'select count(*)::int as n from users')).toEqual([{ n: 0 }]);
  });
});

test('after close() of a singleton that was never used, and before the name is known', async () => {
  const { orm, graph } = await open('sqlite');
  await orm.close();
  expect(orm.stats()).toEqual(NOTHING);
  const lazy = graph.createOrmSingleton(() => graph.config);
  expect(lazy.stats()).toEqual(NOTHING);
});
