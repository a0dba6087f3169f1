import { IsolationLevel, LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sqlite';
import type { DriverName } from '../../support/databases.js';
import { isMysql, isSqlite, SERVERS, SQLITE, type Condition, type Expected, type Lab } from './condition.js';
import { Team } from './schema.js';

type Update = (em: SqlEntityManager, id: number, slug: string) => Promise<unknown>;

const converted: Update = (em, id, slug) => em.nativeUpdate(Team, { id }, { slug });
const raw =
  (lab: Lab): Update =>
  (em, id, slug) =>
    lab.run(`update teams set slug = '${slug}' where id = ${id}`, em);

/** A conflict to try again; the statement that MySQL and MariaDB show names the table. */
const again =
  (code: 'transaction-conflict' | 'lock-timeout') =>
  (driver: DriverName): Expected => ({
    status: 503,
    code,
    retryable: true,
    retryAfter: 1,
    ...(isMysql(driver) && { entity: 'Team' }),
  });

const rejected = (outcomes: PromiseSettledResult<unknown>[]): unknown =>
  outcomes.find(outcome => outcome.status === 'rejected')?.reason;

/** Each of two transactions waits for what the other has. */
async function deadlock(lab: Lab, update: Update): Promise<void> {
  const [a, b] = [lab.em(), lab.em()];
  await Promise.all([a.begin(), b.begin()]);
  try {
    if (!isMysql(lab.driver)) {
      await lab.run("set local deadlock_timeout = '20ms'", a);
      await lab.run("set local deadlock_timeout = '20ms'", b);
    }
    await update(a, 1, 'a1');
    await update(b, 2, 'b2');
    const error = rejected(await Promise.allSettled([update(a, 2, 'a2'), update(b, 1, 'b1')]));
    if (error !== undefined) {
      throw error;
    }
  } finally {
    await Promise.all([a.rollback(), b.rollback()]);
  }
}

/** Runs `work` beside a transaction that has changed team 1. */
async function besideLock(lab: Lab, work: (em: SqlEntityManager) => Promise<unknown>): Promise<void> {
  const [holder, waiter] = [lab.em(), lab.em(waiterOf(lab))];
  await holder.begin();
  await converted(holder, 1, 'held');
  await waiter.begin();
  try {
    if (lab.driver === 'postgresql') {
      await lab.run("set local lock_timeout = '20ms'", waiter);
    } else if (isMysql(lab.driver)) {
      await lab.run('set session innodb_lock_wait_timeout = 0', waiter);
    }
    await work(waiter);
  } finally {
    await waiter.rollback();
    await holder.rollback();
  }
}

/** SQLite has one connection for each ORM; its own lock would wait for five seconds. */
const waiterOf = (lab: Lab) => lab.open(isSqlite(lab.driver) ? { driverOptions: { timeout: 1 } } : {});

let count = 0;

/** A transaction writes what another one has changed since it first looked. */
async function stale(lab: Lab, update: Update): Promise<void> {
  const [mine, other] = [lab.em(), lab.em(waiterOf(lab))];
  if (isSqlite(lab.driver)) {
    await lab.run('pragma journal_mode = wal');
    await mine.begin();
  } else {
    await mine.begin({ isolationLevel: IsolationLevel.REPEATABLE_READ });
    if (isMysql(lab.driver)) {
      await lab.run('set session innodb_snapshot_isolation = on', mine);
    }
  }
  try {
    await mine.find(Team, {});
    await converted(other, 1, `newer ${count++}`);
    await update(mine, 1, 'mine');
  } finally {
    await mine.rollback();
  }
}

/** Two transactions read what the other one writes: PostgreSQL notices at the second COMMIT. */
async function writeSkew(lab: Lab): Promise<void> {
  const [a, b] = [lab.em(), lab.em()];
  await Promise.all([a, b].map(em => em.begin({ isolationLevel: IsolationLevel.SERIALIZABLE })));
  await Promise.all([a.find(Team, {}), b.find(Team, {})]);
  await converted(a, 1, 'a1');
  await converted(b, 2, 'b2');
  await a.commit();
  await b.commit();
}

export const transactions: Condition[] = [
  {
    name: 'deadlock',
    on: SERVERS,
    expected: again('transaction-conflict'),
    ways: lab => ({
      nativeUpdate: () => deadlock(lab, converted),
      'raw SQL': () => deadlock(lab, raw(lab)),
    }),
  },
  {
    name: 'lock wait',
    on: [...SQLITE, ...SERVERS],
    expected: (driver, way) => ({ ...again('lock-timeout')(way === 'find' ? 'sqlite' : driver) }),
    ways: lab => ({
      nativeUpdate: () => besideLock(lab, em => converted(em, 1, 'mine')),
      'raw SQL': () => besideLock(lab, em => raw(lab)(em, 1, 'mine')),
      ...(!isSqlite(lab.driver) && {
        find: () => besideLock(lab, em => em.findOne(Team, 1, { lockMode: LockMode.PESSIMISTIC_WRITE_OR_FAIL })),
      }),
    }),
  },
  {
    name: 'lock wait, at commit',
    on: SQLITE,
    expected: again('lock-timeout'),
    ways: lab => ({
      'raw transaction': async () => {
        const reader = lab.em();
        await reader.begin();
        try {
          await reader.find(Team, {});
          await lab.em(waiterOf(lab)).transactional(em => converted(em as SqlEntityManager, 1, 'mine'));
        } finally {
          await reader.rollback();
        }
      },
    }),
  },
  {
    name: 'serialization',
    on: [...SQLITE, ...SERVERS],
    // SQLite has one code for a snapshot that is too old and for a lock
    expected: driver => again(isSqlite(driver) ? 'lock-timeout' : 'transaction-conflict')(driver),
    ways: lab => ({
      nativeUpdate: () => stale(lab, converted),
      'raw SQL': () => stale(lab, raw(lab)),
    }),
  },
  {
    name: 'serialization, at commit',
    on: ['postgresql'],
    expected: again('transaction-conflict'),
    ways: lab => ({ 'raw commit': () => writeSkew(lab) }),
  },
];
