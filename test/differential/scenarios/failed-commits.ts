import { EventManager, type EventSubscriber, type TransactionEventArgs } from '@mikro-orm/core';
import type { Scenario } from '../support/compare.js';
import { DEFERRING, createGate, failure, type Side, type SqlOrm } from '../support/side.js';

const ORPHAN = `insert into book (id, title, author_id) values (1, 'orphan', 99)`;
const BROKEN = (driver: string) => ({
  error: errorName(driver),
  code: driver === 'postgresql' || driver === 'pglite' ? '23503' : 'SQLITE_CONSTRAINT_FOREIGNKEY',
});
function errorName(driver: string): string {
  return { postgresql: 'DatabaseError', sqlite: 'SqliteError', libsql: 'SqliteError' }[driver] ?? 'N';
}

/** A fork with subscribers of its own. */
function subscribed(orm: SqlOrm, subscriber: EventSubscriber): SqlOrm['em'] {
  const em = orm.em.fork({ freshEventManager: true });
  (em.getEventManager() as EventManager).registerSubscriber(subscriber);
  return em;
}

/** COMMIT fails, because of a foreign key that is checked only then. */
export const failedCommits: Scenario[] = [
  {
    name: 'the commit of a transaction fails',
    drivers: DEFERRING,
    expected: BROKEN,
    run: side => failure(side.orm.em.fork().transactional(em => em.execute(ORPHAN))),
  },
  {
    name: 'commits of many transactions fail at once, over both graphs',
    drivers: DEFERRING,
    expected: 12,
    async run(side) {
      const failed = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          failure((i % 2 ? side.orm : side.other).em.fork().transactional(em => em.execute(ORPHAN))),
        ),
      );
      return failed.filter(each => (each as { code?: unknown }).code).length;
    },
  },
  {
    name: 'a commit by hand fails, and is rolled back by hand',
    drivers: DEFERRING,
    async run(side) {
      const em = side.orm.em.fork();
      await em.begin();
      await em.execute(ORPHAN);
      const failed = await failure(em.commit());
      await em.rollback();
      return [failed, await em.count(side.Author), em.isInTransaction()];
    },
  },
  {
    name: 'a flush within begin() is orphaned, and the em serves again after its rollback',
    drivers: DEFERRING,
    async run(side) {
      const em = side.orm.em.fork();
      await em.begin();
      em.create(side.Book, { id: 1, title: 'orphan', author: em.getReference(side.Author, 99) });
      await em.flush();
      const failed = await failure(em.commit());
      await em.rollback();
      em.clear();
      await em.transactional(async tx => {
        tx.create(side.Author, { id: 6, name: 'after' });
      });
      return failed;
    },
  },
  {
    name: 'a savepoint is released, and the commit around it fails',
    drivers: DEFERRING,
    expected: BROKEN,
    run: side =>
      failure(
        side.orm.em.fork().transactional(async em => {
          await em.transactional(deeper => deeper.execute(ORPHAN));
        }),
      ),
  },
  {
    name: 'beforeTransactionRollback throws after a failed commit',
    drivers: ['sqlite', 'libsql', 'postgresql'],
    leavesTransaction: true,
    own: true,
    run: side => {
      const em = subscribed(side.orm, {
        async beforeTransactionRollback() {
          throw new RangeError('subscriber');
        },
      });
      return failure(em.transactional(tx => tx.execute(ORPHAN)));
    },
  },
  {
    name: 'afterTransactionRollback throws after a failed commit',
    drivers: DEFERRING,
    run: side => {
      const em = subscribed(side.orm, {
        async afterTransactionRollback() {
          throw new RangeError('subscriber');
        },
      });
      return failure(em.transactional(tx => tx.execute(ORPHAN)));
    },
  },
  {
    name: 'afterTransactionCommit throws: what was committed stays',
    expected: { error: 'RangeError', code: 'subscriber' },
    run: side => {
      const em = subscribed(side.orm, {
        async afterTransactionCommit() {
          throw new RangeError('subscriber');
        },
      });
      return failure(em.transactional(tx => tx.execute(`insert into author (id, name) values (6, 'stays')`)));
    },
  },
  {
    name: 'beforeTransactionCommit throws: nothing stays',
    expected: { error: 'RangeError', code: 'subscriber' },
    run: side => {
      const em = subscribed(side.orm, {
        async beforeTransactionCommit() {
          throw new RangeError('subscriber');
        },
      });
      return failure(em.transactional(tx => tx.execute(`insert into author (id, name) values (6, 'no')`)));
    },
  },
  {
    name: 'afterTransactionStart throws',
    drivers: ['sqlite', 'libsql', 'postgresql', 'mariadb', 'mysql'],
    own: true,
    leavesTransaction: true,
    run: side => {
      const em = subscribed(side.orm, {
        async afterTransactionStart() {
          throw new RangeError('subscriber');
        },
      });
      return failure(em.transactional(tx => tx.execute('select 1')));
    },
  },
  {
    name: 'afterTransactionCommit queries through both graphs',
    expected: [6, 6],
    async run(side) {
      const counts: number[] = [];
      const em = subscribed(side.orm, {
        async afterTransactionCommit() {
          for (const orm of [side.orm, side.other]) {
            const [row] = await orm.em.fork().execute<{ n: unknown }[]>('select count(*) as n from author');
            counts.push(Number(row!.n));
          }
        },
      });
      await em.transactional(tx => tx.execute(`insert into author (id, name) values (6, 'six')`));
      return counts;
    },
  },
  {
    name: 'beforeTransactionRollback queries within the transaction, which still has its rows',
    expected: [[{ id: 6 }], { error: 'RangeError', code: 'no' }],
    async run(side) {
      let seen: unknown;
      const em = subscribed(side.orm, {
        async beforeTransactionRollback({ transaction, em: own }: TransactionEventArgs) {
          seen = await (own as SqlOrm['em'])
            .getConnection()
            .execute('select id from author where id > 5', [], 'all', transaction as never);
        },
      });
      const failed = await failure(
        em.transactional(async tx => {
          await tx.execute(`insert into author (id, name) values (6, 'six')`);
          throw new RangeError('no');
        }),
      );
      return [seen, failed];
    },
  },
];

/** Somebody who waits for the only connection, gets it, writes, and rolls back when told to. */
export function startRival(orm: SqlOrm): { inside: Promise<void>; leave: () => void; ended: Promise<unknown> } {
  const [inside, left] = [createGate(), createGate()];
  const ended = failure(
    // whatever runs around it
    orm.em.fork({ disableContextResolution: true }).transactional(async em => {
      await em.execute(`insert into author (id, name) values (50, 'rival')`);
      inside.open();
      await left.opened;
      throw new RangeError('rolled back');
    }),
  );
  return { inside: inside.opened, leave: left.open, ended };
}

export const orphan = (side: Side): Promise<SqlOrm['em']> => {
  const em = side.orm.em.fork();
  return em.begin().then(async () => {
    await em.execute(ORPHAN);
    return em;
  });
};
