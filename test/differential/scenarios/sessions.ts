import { CompiledQuery, sql, type Kysely } from 'kysely';
import { expect } from 'vitest';
import type { Scenario } from '../support/compare.js';
import { DEFERRING, EMBEDDED, SERVERS, failure, kyselyOf, type Side, type Tables } from '../support/side.js';

const kysely = (side: Side) => kyselyOf(side.orm.em.fork());

async function run(db: Pick<Kysely<Tables>, 'executeQuery'>, text: string): Promise<unknown[]> {
  return (await db.executeQuery(CompiledQuery.raw(text))).rows;
}

const backend = { postgresql: 'select pg_backend_pid() as id', mariadb: 'select connection_id() as id' };
const idOf = ({ driver }: Side) => (driver === 'postgresql' ? backend.postgresql : backend.mariadb);
const add = (id: number) => `insert into author (id, name) values (${id}, 'n${id}')`;

/** Connections that an app pins, and transactions that it runs on Kysely. */
export const sessions: Scenario[] = [
  {
    name: 'a pinned connection is one connection, and beside it others serve',
    drivers: SERVERS,
    expected: { same: true, other: true },
    run: side =>
      kysely(side)
        .connection()
        .execute(async db => {
          const ids = [];
          for (let i = 0; i < 3; i++) ids.push(...(await run(db, idOf(side))));
          const beside = await run(kyselyOf(side.other.em.fork()), idOf(side));
          const [first] = ids as { id: number }[];
          return {
            same: ids.every(row => (row as { id: number }).id === first!.id),
            other: (beside[0] as { id: number }).id !== first!.id,
          };
        }),
  },
  {
    name: 'a pinned connection keeps a temporary table',
    expected: [{ n: 1 }],
    run: side =>
      kysely(side)
        .connection()
        .execute(async db => {
          await run(db, 'create temporary table pinned (n int)');
          await run(db, 'insert into pinned values (1)');
          const found = await run(db, 'select n from pinned');
          await run(db, 'drop table pinned');
          return found;
        }),
  },
  {
    name: 'work on a pinned connection throws',
    expected: { error: 'RangeError', code: 'no' },
    run: side =>
      failure(
        kysely(side)
          .connection()
          .execute(async db => {
            await run(db, add(9));
            throw new RangeError('no');
          }),
      ),
  },
  {
    name: 'a query on a pinned connection fails, and the next one works',
    expected: [{ id: 1 }],
    run: side =>
      kysely(side)
        .connection()
        .execute(async db => {
          await failure(run(db, 'select broken'));
          return run(db, 'select id from author where id = 1');
        }),
  },
  {
    name: 'a transaction on a pinned connection commits',
    expected: [{ id: 9 }],
    run: side =>
      kysely(side)
        .connection()
        .execute(async db => {
          await db.transaction().execute(trx => run(trx, add(9)));
          return run(db, 'select id from author where id = 9');
        }),
  },
  {
    name: 'a transaction of Kysely commits',
    run: side =>
      kysely(side)
        .transaction()
        .execute(trx => run(trx, add(9)).then(() => 'done')),
    expected: 'done',
  },
  {
    name: 'a transaction of Kysely rolls back when its work throws',
    expected: { error: 'RangeError', code: 'no' },
    run: side =>
      failure(
        kysely(side)
          .transaction()
          .execute(async trx => {
            await run(trx, add(9));
            throw new RangeError('no');
          }),
      ),
  },
  {
    name: 'a transaction of Kysely rolls back when a query in it fails',
    run: side =>
      failure(
        kysely(side)
          .transaction()
          .execute(async trx => {
            await run(trx, add(9));
            await run(trx, add(1));
          }),
      ),
  },
  {
    name: 'a transaction of Kysely fails at its commit',
    drivers: DEFERRING,
    plainLosesConnection: true,
    run: side =>
      failure(
        kysely(side)
          .transaction()
          .execute(trx => run(trx, `insert into book (id, title, author_id) values (1, 't', 99)`)),
      ),
  },
  {
    name: 'a serializable transaction of Kysely',
    run: side =>
      failure(
        kysely(side)
          .transaction()
          .setIsolationLevel('serializable')
          .execute(trx => run(trx, add(9)).then(() => 'done')),
      ),
  },
  {
    name: 'a read-only transaction of Kysely refuses to write',
    drivers: SERVERS,
    run: side =>
      failure(
        kysely(side)
          .transaction()
          .setAccessMode('read only')
          .execute(trx => run(trx, add(9))),
      ),
  },
  {
    name: 'a controlled transaction goes back to a savepoint, and commits',
    expected: [{ id: 8 }],
    async run(side) {
      const trx = await kysely(side).startTransaction().execute();
      await run(trx, add(8));
      const deeper = await trx.savepoint('one').execute();
      await run(deeper, add(9));
      const back = await deeper.rollbackToSavepoint('one').execute();
      await back.releaseSavepoint('one' as never).execute();
      await trx.commit().execute();
      return run(kysely(side), 'select id from author where id > 5 order by id');
    },
  },
  {
    name: 'a controlled transaction rolls back, and refuses what comes after',
    async run(side) {
      const trx = await kysely(side).startTransaction().execute();
      await run(trx, add(8));
      await trx.rollback().execute();
      return [
        await failure(run(trx, add(9))),
        await failure(() => trx.commit().execute()),
        await failure(() => trx.rollback().execute()),
      ];
    },
  },
  {
    name: 'a controlled transaction refuses what comes after its commit',
    async run(side) {
      const trx = await kysely(side).startTransaction().execute();
      await run(trx, add(8));
      await trx.commit().execute();
      return [await failure(run(trx, add(9))), await failure(() => trx.rollback().execute())];
    },
  },
  {
    name: 'a controlled transaction fails at its commit, and is rolled back',
    drivers: DEFERRING,
    async run(side) {
      const trx = await kysely(side).startTransaction().execute();
      await run(trx, `insert into book (id, title, author_id) values (1, 't', 99)`);
      const failed = await failure(() => trx.commit().execute());
      await trx.rollback().execute();
      return failed;
    },
  },
  {
    name: 'a setting of the session stays on the connection',
    drivers: ['postgresql'],
    expected: [{ value: 'mine' }],
    run: side =>
      kysely(side)
        .connection()
        .execute(async db => {
          await run(db, `select set_config('app.mark', 'mine', false)`);
          return run(db, `select current_setting('app.mark', true) as value`);
        }),
  },
  {
    name: 'twenty transactions at once, over both graphs',
    expected: 20,
    async run(side) {
      const done = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? side.orm : side.other).em.fork().transactional(em => em.execute(add(10 + i))),
        ),
      );
      return done.length;
    },
  },
  {
    name: 'a raw query binds its parameters',
    expected: [{ name: 'Bob' }],
    run: async side =>
      (await sql<{ name: string }>`select name from author where id = ${2}`.execute(kysely(side))).rows,
  },
  {
    name: 'a transaction waits for the one before it, where there is one connection',
    drivers: EMBEDDED,
    expected: ['first', 'second'],
    async run(side) {
      const order: string[] = [];
      const first = side.orm.em.fork().transactional(async em => {
        await em.execute(add(8));
        order.push('first');
      });
      const second = side.other.em.fork().transactional(async em => {
        await em.execute(add(9));
        order.push('second');
      });
      await Promise.all([first, second]);
      return order;
    },
  },
  {
    name: 'a fork, the global em and a repository are refused or served alike',
    expected: [{ error: 'ValidationError', code: expect.stringContaining('global EntityManager') }, 5],
    async run({ orm, Author }) {
      return [await failure(async () => orm.em.findAll(Author)), await orm.em.fork().getRepository(Author).count()];
    },
  },
];
