import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { DeadlockException, IsolationLevel, LockMode, MikroORM, defineEntity, p } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { describe, expect, test } from 'vitest';
import { createOrmSingleton, mapOrmError, retryTransaction, withRequestContext } from '../../src/index.js';
import { createDatabase, describeDriver, onServer, type DriverName, type TestDatabase } from '../support/databases.js';

const Account = defineEntity({
  name: 'Account',
  tableName: 'account',
  properties: { id: p.integer().primary().autoincrement(false), balance: p.integer() },
});
const ACCOUNTS = 4;
const TRANSFERS = 50;

async function openBank(driver: DriverName, settings: object = {}) {
  const database = await createDatabase(driver);
  const orm = createOrmSingleton({ ...database.config, ...settings, entities: [Account] } as TestDatabase['config'], {
    name: `bank ${Math.random()}`,
  });
  if (driver === 'postgresql') {
    // how long it waits before it looks for a deadlock: a second, otherwise
    await onServer(database.config, `alter database ${database.config.dbName} set deadlock_timeout = '20ms'`);
  }
  await onServer(database.config, 'create table account (id int primary key, balance int not null)');
  await onServer(database.config, 'insert into account values (0, 1000), (1, 1000), (2, 1000), (3, 1000)');
  const balances = () => onServer<{ balance: number }[]>(database.config, 'select balance from account order by id');
  return { orm, database, balances };
}

/** Takes both rows in the order given, so that two of them can wait for each other. */
async function transfer(em: MikroORM['em'], from: number, to: number, lockMode: LockMode, ran: () => void) {
  ran();
  const source = await em.findOneOrFail(Account, from, { lockMode });
  source.balance -= 1;
  await em.flush();
  await new Promise(resolve => setTimeout(resolve, 2));
  const target = await em.findOneOrFail(Account, to, { lockMode });
  target.balance += 1;
}

for (const driver of ['postgresql', 'mariadb'] as const) {
  await describeDriver(driver, () => {
    test.each([
      ['deadlocks', undefined],
      ['serialization failures', IsolationLevel.SERIALIZABLE],
    ])(`${TRANSFERS} concurrent transfers with %s: all succeed, the sums are exact`, async (_what, isolationLevel) => {
      const { orm, database, balances } = await openBank(driver);
      let attempts = 0;
      const options = isolationLevel ? { isolationLevel } : {};
      // below SERIALIZABLE, only a lock keeps updates from being lost
      const lockMode = isolationLevel ? LockMode.NONE : LockMode.PESSIMISTIC_WRITE;
      const run = (retry: boolean) =>
        Promise.allSettled(
          Array.from({ length: TRANSFERS }, async (_, i) => {
            const [from, to] = [i % ACCOUNTS, (i + 1 + (i % 3)) % ACCOUNTS];
            const work = (em: MikroORM['em']) => transfer(em, from, to, lockMode, () => attempts++);
            return retry
              ? retryTransaction(orm, work, options)
              : withRequestContext(orm, em => em.transactional(work, options), {});
          }),
        );
      const failures = (results: PromiseSettledResult<void>[]) => results.filter(({ status }) => status === 'rejected');

      expect(failures(await run(false)).length, 'without it, some fail').toBeGreaterThan(0);
      attempts = 0;
      const before = await balances();
      expect(failures(await run(true))).toEqual([]);
      console.log(`${driver}, ${TRANSFERS} transfers${isolationLevel ? ', serializable' : ''}: ${attempts} attempts`);
      expect(attempts).toBeGreaterThan(TRANSFERS);
      const expected = before.map(({ balance }) => balance);
      for (let i = 0; i < TRANSFERS; i++) {
        expected[i % ACCOUNTS]!--;
        expected[(i + 1 + (i % 3)) % ACCOUNTS]!++;
      }
      expect((await balances()).map(({ balance }) => balance)).toEqual(expected);
      await orm.close();
      await database.drop();
    });
  });
}

describe('attempts', () => {
  const busy = () =>
    new DeadlockException(Object.assign(new Error('deadlock detected'), { code: '40P01', severity: 'ERROR' }));

  test('each on a fresh fork in a transaction; the last error is the cause, and tells what it means', async () => {
    const { orm, database } = await openBank('sqlite');
    const seen = new Set<unknown>();
    const run = retryTransaction(
      orm,
      async em => {
        seen.add(em);
        expect(em.isInTransaction()).toBe(true);
        em.create(Account, { id: 9, balance: 1 });
        await em.flush();
        throw busy();
      },
      { attempts: 3 },
    );
    const error: unknown = await run.catch((e: unknown) => e);
    expect(error).toMatchObject({
      name: 'TransactionRetryError',
      code: 'TRANSACTION_RETRY',
      cause: expect.any(DeadlockException),
    });
    expect(mapOrmError(error)).toMatchObject({ code: 'transaction-conflict', status: 503, retryAfter: 1 });
    expect(seen.size).toBe(3);
    expect(await withRequestContext(orm, em => em.count(Account))).toBe(4);
    await orm.close();
    await database.drop();
  });

  test('what a retry does not cure is thrown as it is, at once', async () => {
    const { orm, database } = await openBank('sqlite');
    let attempts = 0;
    const run = retryTransaction(orm, async em => {
      attempts++;
      em.create(Account, { id: 1, balance: 1 });
    });
    await expect(run).rejects.toMatchObject({ name: 'UniqueConstraintViolationException' });
    const own = new Error('no');
    await expect(retryTransaction(orm, () => Promise.reject(own))).rejects.toBe(own);
    expect(attempts).toBe(1);
    await orm.close();
    await database.drop();
  });

  test('none inside a running transaction', async () => {
    const { orm, database } = await openBank('sqlite');
    const inside = withRequestContext(orm, em => em.transactional(() => retryTransaction(orm, async () => 1)));
    await expect(inside).rejects.toThrow(/inside a running transaction.*em\.transactional\(\)/);
    expect(await withRequestContext(orm, () => retryTransaction(orm, async em => em.count(Account)))).toBe(4);
    await orm.close();
    await database.drop();
  });

  test('no more once the signal is aborted', async () => {
    const { orm, database } = await openBank('sqlite');
    const controller = new AbortController();
    let attempts = 0;
    const run = retryTransaction(
      orm,
      async () => {
        attempts++;
        setTimeout(() => controller.abort(), 0);
        throw busy();
      },
      { attempts: 1000, signal: controller.signal },
    );
    const error: unknown = await run.catch((e: unknown) => e);
    expect(attempts).toBeLessThan(10);
    expect(mapOrmError(error, { signal: controller.signal })).toMatchObject({ code: 'request-cancelled' });
    await orm.close();
    await database.drop();
  });

  test.each([0, Number.NaN, '3'])('%s is a clear error', async attempts => {
    const orm = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: [Account] });
    const run = retryTransaction(orm, async () => 1, { attempts: attempts as number });
    await expect(run).rejects.toThrow(/retryTransaction\(\{ attempts \}\) takes a number from 1 on/);
    await orm.close();
  });
});

await describeDriver('libsql', driver => {
  test('a busy database is not asked again, as the handle would lose later writes', async () => {
    const { orm, database } = await openBank(driver);
    await orm();
    const blocker = await holdWriteLock(String(database.config.dbName), 250);
    let attempts = 0;
    const run = retryTransaction(orm, async em => {
      attempts++;
      (await em.findOneOrFail(Account, 0)).balance = 7;
    });
    const error: unknown = await run.catch((e: unknown) => e);
    expect(mapOrmError(error)).toMatchObject({ code: 'lock-timeout', status: 503, retryAfter: 1 });
    expect(attempts).toBe(1);
    await orm.close();
    await blocker.ended;
    await database.drop();
  });
});

await describeDriver('sqlite', driver => {
  test('a busy database is asked again until it is free', async () => {
    const { orm, database, balances } = await openBank(driver, { driverOptions: { timeout: 10 } });
    await orm();
    const blocker = await holdWriteLock(String(database.config.dbName), 250);
    let attempts = 0;
    await retryTransaction(orm, async em => {
      attempts++;
      (await em.findOneOrFail(Account, 0)).balance = 7;
    });
    expect(attempts).toBeGreaterThan(1);
    await orm.close();
    await blocker.ended;
    expect((await balances()).map(({ balance }) => balance)).toEqual([7, 1000, 1000, 1000]);
    await database.drop();
  });
});

describe('what is committed and what runs around it', () => {
  const deadlock = () =>
    new DeadlockException(Object.assign(new Error('deadlock detected'), { code: '40P01', severity: 'ERROR' }));

  test('work whose COMMIT went through is not run again, whatever comes after it', async () => {
    const { orm, database } = await openBank('sqlite', {
      subscribers: [
        {
          async afterTransactionCommit() {
            if (failures++ < 3) throw deadlock();
          },
        },
      ],
    });
    let failures = 0;
    let runs = 0;
    const error: unknown = await retryTransaction(orm, async em => {
      runs++;
      em.create(Account, { id: 100 + runs, balance: 1 });
    }).catch((e: unknown) => e);
    expect(runs).toBe(1);
    expect(await withRequestContext(orm, em => em.count(Account, { id: { $gt: 100 } }))).toBe(1);
    expect(mapOrmError(error)?.retryable, 'nobody else may run it again either').not.toBe(true);
    await orm.close();
    await database.drop();
  });

  test('the transaction has schema and filters of the context around it, as em.transactional() has', async () => {
    const { orm, database } = await openBank('sqlite');
    const tenant = (em: MikroORM['em']) => [em.schema, em.getFilterParams('tenant')];
    await withRequestContext(
      orm,
      async outer => {
        const expected = await outer.transactional(async em => tenant(em as MikroORM['em']));
        expect(expected).toEqual(['tenant_a', { id: 1 }]);
        expect(await retryTransaction(orm, async em => tenant(em))).toEqual(expected);
      },
      { schema: 'tenant_a', filters: { tenant: { id: 1 } } },
    );
    await orm.close();
    await database.drop();
  });

  test('a timer that was started within a transaction may run one after its end', async () => {
    const { orm, database } = await openBank('sqlite');
    let start!: () => void;
    const started = new Promise<void>(resolve => (start = resolve));
    let timer: Promise<number> | undefined;
    await withRequestContext(orm, em =>
      em.transactional(async () => {
        timer = started.then(() => retryTransaction(orm, em => em.count(Account)));
      }),
    );
    start();
    expect(await timer).toBe(ACCOUNTS);
    await orm.close();
    await database.drop();
  });

  test('it is refused within a transaction of its ORM, also with one of another ORM between', async () => {
    const [one, two] = [await openBank('sqlite'), await openBank('sqlite')];
    await withRequestContext(one.orm, first =>
      first.transactional(() =>
        withRequestContext(two.orm, second =>
          second.transactional(async () => {
            // it would wait for the connection of the transaction around it
            const refused = Promise.race([
              retryTransaction(one.orm, async () => 'ran').catch(
                (error: unknown) => (error as { code?: unknown }).code,
              ),
              new Promise(resolve => setTimeout(resolve, 2_000, 'hangs')),
            ]);
            expect(await refused).toBe('ORM_CONFIG');
          }),
        ),
      ),
    );
    await Promise.all([one.orm.close(), two.orm.close()]);
    await Promise.all([one.database.drop(), two.database.drop()]);
  });
});

/** Another process that holds the write lock of a SQLite file for `ms`. */
async function holdWriteLock(file: string, ms: number): Promise<{ ended: Promise<unknown> }> {
  const script = `
    import Database from 'better-sqlite3';
    const database = new Database(process.argv[1]);
    database.exec('begin immediate');
    console.log('locked');
    setTimeout(() => database.close(), ${ms});
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  return { ended };
}
