import type { MikroORM } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createOrmSingleton,
  explicitMigrations,
  openEm,
  retryTransaction,
  withRequestContext,
  type OrmSingleton,
} from '../../src/index.js';
import { createDatabase, describeDriver, type TestDatabase } from '../support/databases.js';
import { createGraph } from '../support/graphs.js';

const quiet = { silent: true, snapshot: false };
type Orm = OrmSingleton<MikroORM>;

const uses: Record<string, (orm: Orm) => Promise<unknown>> = {
  'orm()': orm => orm(),
  withRequestContext: orm => withRequestContext(orm, async em => em.getConnection().execute('select 1')),
  openEm: orm => openEm(orm).then(({ em, end }) => em.getConnection().execute('select 1').finally(end)),
  retryTransaction: orm => retryTransaction(orm, async em => em.getConnection().execute('select 1')),
  'check()': orm => orm.check(),
};

for (const name of ['sqlite', 'postgresql'] as const) {
  await describeDriver(name, () => {
    let database: TestDatabase;
    let opened: { close(): Promise<void> }[];
    beforeEach(async () => {
      database = await createDatabase(name);
      opened = [];
    });
    afterEach(async () => {
      await Promise.all(opened.map(orm => orm.close()));
      await database.drop();
    });

    /** A migration that does this, and the app that runs it. */
    function app(work: (orm: Orm) => Promise<unknown>, migrate = true, of = database): Orm {
      class Migration1 extends Migration {
        override async up(): Promise<void> {
          await this.execute('create table note (id integer)');
          await work(orm);
        }
      }
      const config = { ...of.config, entities: [], discovery: { warnWhenNoEntities: false } };
      const orm = createOrmSingleton({ ...config, ...explicitMigrations({ Migration1 }, quiet) } as never, {
        name: of.config.dbName!,
        migrate,
      }) as unknown as Orm;
      opened.push(orm);
      return orm;
    }
    const refused = {
      code: 'ORM_CONFIG',
      message: expect.stringMatching(/migration.*this\.execute.*this\.getEntityManager\(\)/s),
    };

    // without it, each would wait for itself until the time limit of the test
    test.each(Object.keys(uses))(
      '%s of the app within a migration is refused at once, and nothing is left behind',
      async use => {
        let isFixed = false;
        const orm = app(async own => (isFixed ? undefined : uses[use]!(own)));
        await expect(orm()).rejects.toMatchObject(refused);
        isFixed = true;
        await orm();
        expect((await orm.check()).ok).toBe(true);
      },
      10_000,
    );

    test.each(Object.keys(uses))(
      '%s is refused as well where the app itself runs the migrator',
      async use => {
        const orm = app(uses[use]!, false);
        const migrator = (await orm()).migrator;
        await expect(migrator.up()).rejects.toMatchObject(refused);
        expect(await migrator.getExecuted()).toEqual([]);
      },
      10_000,
    );

    test('so it is in another module graph', async () => {
      const graph = await createGraph(database.config);
      const other = graph.createOrmSingleton(graph.config, { name: database.config.dbName! });
      opened.push(other);
      await expect(app(() => other())()).rejects.toMatchObject(refused);
      expect(await other()).toBeTruthy();
    }, 10_000);

    test("another database's works, and so does what outlives the run", async () => {
      const second = await createDatabase(name);
      try {
        const other = app(async () => undefined, true, second);
        let later: Promise<unknown> | undefined;
        let end!: () => void;
        const ended = new Promise<void>(resolve => (end = resolve));
        const orm = app(async own => {
          await withRequestContext(other, em => em.getConnection().execute('select * from note'));
          later = ended.then(() => withRequestContext(own, em => em.getConnection().execute('select * from note')));
        });
        await orm();
        end();
        expect(await later).toEqual([]);
        await other.close();
      } finally {
        await second.drop();
      }
    }, 10_000);
  });
}
