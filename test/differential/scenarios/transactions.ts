import { IsolationLevel, LockMode, TransactionPropagation, type FlushMode } from '@mikro-orm/core';
import type { Scenario } from '../support/compare.js';
import { SERVERS, failure, type Side } from '../support/side.js';

const { REQUIRED, REQUIRES_NEW, NESTED, NOT_SUPPORTED, SUPPORTS, MANDATORY, NEVER } = TransactionPropagation;

const names = async (side: Side): Promise<string[]> => {
  const rows = await side.other.em
    .fork()
    .execute<{ name: string }[]>('select name from author where id > 5 order by id');
  return rows.map(({ name }) => name);
};

/** Work of one propagation, within a transaction or without, that ends well or throws. */
function propagated(propagation: TransactionPropagation): Scenario[] {
  // beside a transaction these take a second connection
  const drivers = propagation === REQUIRES_NEW || propagation === NOT_SUPPORTED ? { drivers: SERVERS } : {};
  return [true, false].flatMap(inside =>
    [true, false].map((fails): Scenario => ({
      ...(inside ? drivers : {}),
      name: `${propagation}: work ${inside ? 'within a transaction' : 'on its own'} that ${fails ? 'throws' : 'ends well'}`,
      async run(side) {
        const em = side.orm.em.fork();
        const work = (outer: typeof em) =>
          failure(
            outer.transactional(
              async inner => {
                inner.create(side.Author, { id: 7, name: 'inner' });
                await inner.flush();
                if (fails) throw new RangeError('inner');
                return inner.isInTransaction();
              },
              { propagation },
            ),
          );
        if (!inside) {
          return [await work(em), await names(side)];
        }
        const given = await em.transactional(async outer => {
          outer.create(side.Author, { id: 6, name: 'outer' });
          await outer.flush();
          const inner = await work(outer);
          outer.create(side.Author, { id: 8, name: 'after' });
          return inner;
        });
        return [given, await names(side)];
      },
    })),
  );
}

export const transactions: Scenario[] = [
  {
    name: 'nested transactions: the inner failure is caught, the outer work stays',
    expected: [{ error: 'RangeError', code: 'inner' }, ['outer', 'after']],
    async run(side) {
      const inner = await side.orm.em.fork().transactional(async em => {
        em.create(side.Author, { id: 6, name: 'outer' });
        await em.flush();
        const failed = await failure(
          em.transactional(async deeper => {
            deeper.create(side.Author, { id: 7, name: 'inner' });
            await deeper.flush();
            throw new RangeError('inner');
          }),
        );
        em.create(side.Author, { id: 8, name: 'after' });
        return failed;
      });
      return [inner, await names(side)];
    },
  },
  {
    name: 'nested transactions: a query of the inner one fails, the outer work stays',
    async run(side) {
      const inner = await side.orm.em.fork().transactional(async em => {
        em.create(side.Author, { id: 6, name: 'outer' });
        await em.flush();
        return failure(em.transactional(deeper => deeper.execute(`insert into author (id, name) values (1, 'taken')`)));
      });
      return [inner, await names(side)];
    },
  },
  {
    name: 'nested transactions, three deep: the middle one is rolled back',
    expected: [{ error: 'RangeError', code: 'middle' }, ['a', 'z']],
    async run(side) {
      const failed = await side.orm.em.fork().transactional(async a => {
        a.create(side.Author, { id: 6, name: 'a' });
        await a.flush();
        const middle = await failure(
          a.transactional(async b => {
            b.create(side.Author, { id: 7, name: 'b' });
            await b.transactional(async c => {
              c.create(side.Author, { id: 8, name: 'c' });
            });
            throw new RangeError('middle');
          }),
        );
        a.create(side.Author, { id: 9, name: 'z' });
        return middle;
      });
      return [failed, await names(side)];
    },
  },
  {
    name: 'nested transactions: the outer one throws, nothing stays',
    expected: [{ error: 'RangeError', code: 'outer' }, []],
    async run(side) {
      const failed = await failure(
        side.orm.em.fork().transactional(async em => {
          await em.transactional(async deeper => {
            deeper.create(side.Author, { id: 7, name: 'inner' });
          });
          throw new RangeError('outer');
        }),
      );
      return [failed, await names(side)];
    },
  },
  ...[REQUIRED, REQUIRES_NEW, NESTED, NOT_SUPPORTED, SUPPORTS, MANDATORY, NEVER].flatMap(propagated),
  {
    name: 'a query fails within a transaction, is caught, and the transaction ends',
    async run(side) {
      const em = side.orm.em.fork();
      const given = await failure(
        em.transactional(async tx => {
          await tx.execute(`insert into author (id, name) values (6, 'before')`);
          const failed = await failure(tx.execute(`insert into author (id, name) values (1, 'taken')`));
          return [
            failed,
            await failure(tx.execute(`insert into author (id, name) values (7, 'after')`, [], 'run').then(() => 1)),
          ];
        }),
      );
      return [given, await names(side)];
    },
  },
  ...[IsolationLevel.READ_COMMITTED, IsolationLevel.REPEATABLE_READ].map((isolationLevel): Scenario => ({
    name: `${isolationLevel}: what another graph commits meanwhile ${isolationLevel === IsolationLevel.READ_COMMITTED ? 'shows' : 'does not show'}`,
    drivers: SERVERS,
    expected: isolationLevel === IsolationLevel.READ_COMMITTED ? [5, 6] : [5, 5],
    run: side =>
      side.orm.em.fork().transactional(
        async em => {
          const before = await em.count(side.Author);
          await side.other.em.fork().execute(`insert into author (id, name) values (6, 'meanwhile')`);
          return [before, await em.count(side.Author)];
        },
        { isolationLevel },
      ),
  })),
  {
    name: 'an isolation level is one transaction’s: the next one on the same connection has the default',
    drivers: ['postgresql'],
    expected: ['serializable', 'read committed'],
    async run(side) {
      const level = (isolationLevel?: IsolationLevel) =>
        side.orm.em.fork().transactional(
          async em => {
            const [row] = await em.execute<{ level: string }[]>(
              `select current_setting('transaction_isolation') as level`,
            );
            return row!.level;
          },
          isolationLevel ? { isolationLevel } : {},
        );
      return [await level(IsolationLevel.SERIALIZABLE), await level()];
    },
  },
  {
    name: 'two serializable transactions conflict',
    drivers: ['postgresql'],
    expected: [{ resolved: 1 }, { error: 'DeadlockException', code: '40001' }],
    async run(side) {
      const first = side.orm.em.fork();
      const second = side.other.em.fork();
      for (const em of [first, second]) {
        await em.begin({ isolationLevel: IsolationLevel.SERIALIZABLE });
        await em.execute('select count(*) from author');
      }
      await first.execute(`insert into author (id, name) values (6, 'first')`);
      const ended = [await failure(first.commit().then(() => 1))];
      ended.push(
        await failure(
          second.execute(`insert into author (id, name) values (7, 'second')`).catch(error => {
            throw side.other.driver.convertException(error);
          }),
        ),
      );
      await second.rollback();
      return ended;
    },
  },
  {
    name: 'a read-only transaction refuses to write',
    drivers: SERVERS,
    async run(side) {
      const failed = await failure(
        side.orm.em.fork().transactional(
          async em => {
            em.create(side.Author, { id: 6, name: 'no' });
          },
          { readOnly: true },
        ),
      );
      await side.orm.em.fork().execute(`insert into author (id, name) values (7, 'yes')`);
      return failed;
    },
  },
  {
    name: 'a row that is locked waits for the other transaction',
    drivers: SERVERS,
    expected: 'AdaXY',
    async run(side) {
      const touch = (orm: Side['orm'], letter: string) =>
        orm.em.fork().transactional(async em => {
          const [row] = await em.execute<{ name: string }[]>('select name from author where id = 1 for update');
          await em.execute('update author set name = ? where id = 1', [row!.name + letter]);
        });
      await touch(side.orm, 'X');
      await touch(side.other, 'Y');
      await side.orm.em
        .fork()
        .transactional(em => em.findOneOrFail(side.Author, 1, { lockMode: LockMode.PESSIMISTIC_WRITE }));
      return (await side.other.em.fork().execute<{ name: string }[]>('select name from author where id = 1'))[0]!.name;
    },
  },
  {
    name: 'begin, flush, commit',
    expected: ['six'],
    async run(side) {
      const em = side.orm.em.fork();
      await em.begin();
      em.create(side.Author, { id: 6, name: 'six' });
      await em.flush();
      await em.commit();
      return names(side);
    },
  },
  {
    name: 'begin, flush, rollback, and the em is used again',
    expected: [5, []],
    async run(side) {
      const em = side.orm.em.fork();
      await em.begin();
      em.create(side.Author, { id: 6, name: 'six' });
      await em.flush();
      await em.rollback();
      return [await em.count(side.Author), await names(side)];
    },
  },
  {
    name: 'commit and rollback without a transaction, and twice',
    async run(side) {
      const em = side.orm.em.fork();
      const given = [await failure(em.commit()), await failure(em.rollback())];
      await em.begin();
      await em.execute(`insert into author (id, name) values (6, 'six')`);
      await em.commit();
      given.push(await failure(em.commit()), await failure(em.rollback()));
      await em.begin();
      await em.rollback();
      given.push(await failure(em.rollback()), await em.count(side.Author));
      return given;
    },
  },
  {
    name: 'a failed flush within begin() is rolled back by hand',
    async run(side) {
      const em = side.orm.em.fork();
      await em.begin();
      em.create(side.Author, { id: 1, name: 'taken' });
      const failed = await failure(em.flush());
      await em.rollback();
      return [failed, await side.orm.em.fork().count(side.Author)];
    },
  },
  {
    name: 'a unit of work that fails leaves nothing',
    async run(side) {
      const em = side.orm.em.fork({ flushMode: 'commit' satisfies `${FlushMode}` });
      em.create(side.Author, { id: 6, name: 'six' });
      em.create(side.Author, { id: 1, name: 'taken' });
      return [await failure(em.flush()), await names(side)];
    },
  },
  {
    name: 'the server ends the connection of a transaction',
    drivers: ['postgresql', 'mariadb'],
    plainLosesConnection: true,
    run: side =>
      failure(
        side.orm.em.fork().transactional(async em => {
          const id = side.driver === 'postgresql' ? 'pg_backend_pid()' : 'connection_id()';
          const [row] = await em.execute<{ id: number }[]>(`select ${id} as id`);
          const kill = side.driver === 'postgresql' ? `select pg_terminate_backend(${row!.id})` : `kill ${row!.id}`;
          await side.other.em.fork().execute(kill);
          await em.execute('select 1');
        }),
      ).then(failed => typeof (failed as { error: unknown }).error),
  },
];
