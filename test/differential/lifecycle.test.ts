import { expect } from 'vitest';
import { compareAll } from './support/compare.js';
import { EMBEDDED, failure, kyselyOf, type Side } from './support/side.js';

const count = async (orm: Side['orm']): Promise<number> => {
  const [row] = await orm.em.fork().execute<{ n: unknown }[]>('select count(*) as n from author');
  return Number(row!.n);
};
const FILES = EMBEDDED.filter(driver => driver !== 'pglite');
const DURABLE = [...FILES, 'postgresql', 'mariadb', 'mysql'] as const;

/** Whether a handle of SQLite or libSQL is open. */
const isOpen = (handle: unknown): boolean => (handle as { open: boolean }).open;

/** Closing, opening again, and the handles below. */
await compareAll([
  {
    name: 'orm.close(), then a query: it connects again',
    own: true,
    drivers: DURABLE,
    expected: [5, 5],
    async run({ orm }) {
      const before = await count(orm);
      await orm.close();
      return [before, await count(orm)];
    },
  },
  {
    name: 'orm.close() twice, then a transaction',
    own: true,
    drivers: DURABLE,
    async run({ orm }) {
      await orm.close();
      await orm.close();
      await orm.em.fork().transactional(em => em.execute(`insert into author (id, name) values (6, 'six')`));
      return count(orm);
    },
    expected: 6,
  },
  {
    name: 'orm.close() while a fork is held: the fork connects again',
    own: true,
    drivers: DURABLE,
    expected: 5,
    async run({ orm, Author }) {
      const em = orm.em.fork();
      await em.count(Author);
      await orm.close();
      return em.count(Author);
    },
  },
  {
    name: 'isConnected() and checkConnection() around orm.close()',
    own: true,
    drivers: DURABLE,
    expected: [true, { ok: true }, false, false, true, { ok: true }],
    async run({ orm }) {
      const states: unknown[] = [await orm.isConnected(), await orm.checkConnection()];
      await orm.close();
      states.push(await orm.isConnected(), (await orm.checkConnection()).ok);
      await count(orm);
      states.push(await orm.isConnected(), await orm.checkConnection());
      return states;
    },
  },
  {
    name: 'isConnected() after getNativeClient() has connected again',
    own: true,
    alone: true,
    drivers: DURABLE,
    expected: [false, true],
    async run({ orm }) {
      await orm.close();
      const before = await orm.isConnected();
      await orm.driver.getConnection().getNativeClient();
      return [before, await orm.isConnected()];
    },
  },
  {
    name: 'the handle that getNativeClient() gives is closed with the ORM',
    own: true,
    alone: true,
    drivers: FILES,
    expected: [true, false],
    async run({ orm }) {
      const handle = await orm.driver.getConnection().getNativeClient();
      const before = isOpen(handle);
      await orm.close();
      return [before, isOpen(handle)];
    },
  },
  {
    name: 'a handle that getNativeClient() opened after a close is closed by the next one',
    own: true,
    alone: true,
    drivers: FILES,
    expected: [true, false],
    async run({ orm }) {
      await orm.close();
      const handle = await orm.driver.getConnection().getNativeClient();
      const before = isOpen(handle);
      await orm.close();
      return [before, isOpen(handle)];
    },
  },
  {
    name: 'the handle of getNativeClient() is the one that queries use',
    own: true,
    drivers: ['sqlite'],
    expected: [{ n: 1 }],
    async run({ orm, other }) {
      const handle = (await orm.driver.getConnection().getNativeClient()) as { exec(sql: string): void };
      handle.exec('create temporary table mine (n int)');
      handle.exec('insert into mine values (1)');
      return other.em.fork().execute('select n from mine');
    },
  },
  {
    name: 'kysely.destroy(): the ORM refuses until it is closed, and connects again',
    own: true,
    drivers: DURABLE,
    expected: [{ error: expect.any(String), code: 'driver has already been destroyed' }, 5],
    async run({ orm }) {
      await kyselyOf(orm.em.fork()).destroy();
      const refused = await failure(count(orm));
      await orm.close();
      return [refused, await count(orm)];
    },
  },
  {
    name: 'kysely.destroy() twice, then reconnect()',
    own: true,
    drivers: DURABLE,
    expected: 5,
    async run({ orm }) {
      const kysely = kyselyOf(orm.em.fork());
      await kysely.destroy();
      await kysely.destroy();
      await orm.reconnect();
      return count(orm);
    },
  },
  {
    name: 'reconnect() between two queries',
    own: true,
    drivers: DURABLE,
    expected: [5, 5, true],
    async run({ orm }) {
      const before = await count(orm);
      await orm.reconnect();
      return [before, await count(orm), await orm.isConnected()];
    },
  },
  {
    name: 'connect() again changes nothing',
    own: true,
    drivers: DURABLE,
    expected: 5,
    async run({ orm }) {
      await orm.connect();
      await orm.connect();
      return count(orm);
    },
  },
]);
