import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MikroORM, Routine, defineEntity, p } from '@mikro-orm/core';
import { PgliteDriver } from '@mikro-orm/pglite';
import { CompiledQuery } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { createOrmSingleton } from '../../src/index.js';
import { describeDriver, type TestDatabase } from '../support/databases.js';
import { compareAll, type Scenario } from './support/compare.js';
import { SERVERS, failure, kyselyOf, type Side, type SqlConfig } from './support/side.js';

const FILES = ['sqlite', 'libsql'] as const;

/** Hooks of the config that count how often they are called. */
function counting() {
  const counts = { created: 0, reserved: 0, queries: 0 };
  return {
    counts,
    config: {
      onCreateConnection: async () => void counts.created++,
      onReserveConnection: async () => void counts.reserved++,
      onQuery: (text: string) => {
        counts.queries++;
        return text;
      },
    } satisfies SqlConfig,
  };
}
const counters = new WeakMap<object, ReturnType<typeof counting>['counts']>();
const hooked = {
  alone: true,
  config: (database: TestDatabase) => {
    const { counts, config } = counting();
    counters.set(database, counts);
    return config;
  },
};

const twice = (value: number) =>
  new Routine({
    name: 'twice',
    type: 'function',
    params: { n: { type: 'int' } },
    returns: { runtimeType: 'number', columnType: 'int' },
    body: 'n',
    bodyJs: ({ n }: { n: number }) => n * value,
  });
const [two, three] = [twice(2), twice(3)];

const stored = new Routine({
  name: 'doubled',
  type: 'function',
  params: { n: { type: 'int' } },
  returns: { runtimeType: 'number', columnType: 'int' },
  body: 'select n * 2',
  language: 'sql',
});

const mark = (who: string) => async (connection: unknown) => {
  await (connection as { executeQuery(query: unknown): Promise<unknown> }).executeQuery(
    CompiledQuery.raw(`select set_config('app.who', '${who}', false)`),
  );
};

async function markOf(orm: Side['orm']): Promise<string> {
  const [row] = await orm.em.fork().execute<{ who: string }[]>(`select current_setting('app.who', true) as who`);
  return row!.who;
}

const applicationName = (orm: Side['orm']): Promise<unknown> =>
  orm.em.fork().execute(`select current_setting('application_name') as name`);

const zoned: Scenario[] = ['Z', '+05:00'].map(timezone => ({
  name: `timezone ${timezone}: a date comes back as it was written`,
  drivers: ['mariadb', 'mysql'],
  config: () => ({ timezone }) as SqlConfig,
  async run({ orm }) {
    const em = orm.em.fork();
    await em.execute('create table times (at datetime)');
    await em.execute('insert into times values (?)', [new Date('2026-03-04T05:06:07Z')]);
    const [row] = await em.execute<{ at: string }[]>('select at from times');
    const [text] = await em.execute<{ at: string }[]>('select cast(at as char) as at from times');
    return [orm.driver.getPlatform().parseDate(row!.at).toISOString(), text!.at];
  },
}));

await compareAll([
  {
    name: 'hooks are called as often: a query, a transaction, a stream',
    ...hooked,
    drivers: [...FILES, ...SERVERS],
    async run({ orm, Author, database }) {
      const counts = counters.get(database)!;
      const before = { ...counts };
      for (let i = 0; i < 3; i++) await orm.em.fork().count(Author);
      await orm.em.fork().transactional(async em => {
        await em.count(Author);
        await em.count(Author);
      });
      for await (const _row of kyselyOf(orm.em.fork()).selectFrom('author').select('id').stream(1)) break;
      return {
        created: counts.created - before.created,
        reserved: counts.reserved - before.reserved,
        queries: counts.queries - before.queries,
      };
    },
  },
  {
    name: 'onCreateConnection is called once for each connection',
    ...hooked,
    drivers: ['postgresql', 'mariadb', 'mysql'],
    expected: 3,
    async run({ orm, database }) {
      const counts = counters.get(database)!;
      let held = 0;
      let open!: () => void;
      const all = new Promise<void>(resolve => (open = resolve));
      await Promise.all(
        Array.from({ length: 3 }, () =>
          orm.em.fork().transactional(async em => {
            await em.execute('select 1');
            if (++held === 3) open();
            await all;
          }),
        ),
      );
      return counts.created;
    },
  },
  {
    name: 'onQuery rewrites what is sent',
    config: () => ({ onQuery: text => text.replace('/* who */', `'rewritten'`) }),
    expected: [{ who: 'rewritten' }],
    drivers: [...FILES, ...SERVERS],
    run: ({ orm }) => orm.em.fork().execute('select /* who */ as who'),
  },
  {
    name: 'onQuery is the one of the graph that asks',
    config: () => ({ onQuery: text => text.replace('/* who */', `'first'`) }),
    otherConfig: () => ({ onQuery: text => text.replace('/* who */', `'second'`) }),
    drivers: [...FILES, ...SERVERS],
    expected: [[{ who: 'first' }], [{ who: 'second' }]],
    run: async ({ orm, other }) => [
      await orm.em.fork().execute('select /* who */ as who'),
      await other.em.fork().execute('select /* who */ as who'),
    ],
  },
  {
    name: 'onReserveConnection is the one of the graph that asks',
    drivers: ['postgresql'],
    config: () => ({ onReserveConnection: mark('first') }),
    otherConfig: () => ({ onReserveConnection: mark('second') }),
    mayRefuse: true,
    expected: ['first', 'second', 'first'],
    run: async ({ orm, other }) => [await markOf(orm), await markOf(other), await markOf(orm)],
  },
  {
    name: 'a routine in JavaScript is the one of the graph that calls it',
    drivers: ['sqlite'],
    config: () => ({ routines: [two] }),
    otherConfig: () => ({ routines: [three] }),
    expected: [20, 30, 20],
    run: async ({ orm, other }) => [
      await orm.em.fork().callRoutine(two, { n: 10 }),
      await other.em.fork().callRoutine(three, { n: 10 }),
      await orm.em.fork().callRoutine(two, { n: 10 }),
    ],
  },
  {
    name: 'a routine of the server',
    drivers: ['postgresql'],
    config: () => ({ routines: [stored] }),
    expected: 42,
    run: ({ orm }) => orm.em.fork().callRoutine(stored, { n: 21 }),
  },
  {
    name: 'a dump of several statements',
    own: true,
    // where it is for dumps
    config: ({ config }) => (config.host ? { multipleStatements: true } : {}),
    drivers: [...FILES, ...SERVERS],
    async run({ orm }) {
      await orm.driver
        .getConnection()
        .executeDump(
          `insert into author (id, name) values (6, 'a;b');\ninsert into author (id, name) values (7, 'c');`,
        );
    },
  },
  ...[true, false].map((multipleStatements): Scenario => ({
    name: `multipleStatements: ${multipleStatements}`,
    drivers: ['mariadb', 'mysql'],
    config: () => ({ multipleStatements }),
    run: ({ orm }) => failure(orm.em.fork().execute('select 1 as a; select 2 as b')),
  })),
  {
    name: 'attachDatabases: tables of the other file, also after a close',
    drivers: FILES,
    config: ({ config }) => ({ attachDatabases: [{ name: 'beside', path: `${config.dbName}.beside` }] }) as SqlConfig,
    expected: [[{ n: 1 }], [{ n: 1 }], [{ n: 1 }]],
    async run({ orm, other }) {
      await orm.em.fork().execute('create table beside.t (n int)');
      await orm.em.fork().execute('insert into beside.t values (1)');
      const read = (from: Side['orm']) => from.em.fork().execute('select n from beside.t');
      const found = [await read(orm), await read(other)];
      await orm.close();
      return [...found, await read(orm)];
    },
  },
  {
    name: 'driverOptions are a function',
    drivers: ['postgresql'],
    config: () => ({ driverOptions: (() => ({ application_name: 'from a function' })) as never }),
    expected: [[{ name: 'from a function' }], [{ name: 'from a function' }]],
    run: async ({ orm, other }) => [await applicationName(orm), await applicationName(other)],
  },
  {
    name: 'search_path through driverOptions.options',
    drivers: ['postgresql'],
    empty: true,
    withoutTables: true,
    config: () => ({ driverOptions: { options: '-c search_path=tenant_a' } }),
    expected: [[{ path: 'tenant_a' }], [{ id: 1 }], [{ id: 1 }]],
    async run({ orm, other }) {
      const em = orm.em.fork();
      await em.execute('create schema tenant_a');
      await em.execute('create table things (id int)');
      await em.execute('insert into tenant_a.things values (1)');
      return [
        await em.execute(`select current_setting('search_path') as path`),
        await em.execute('select id from things'),
        await other.em.fork().execute('select id from things'),
      ];
    },
  },
  {
    name: 'read replicas: reads on theirs, writes and transactions on the main one',
    drivers: SERVERS,
    config: () => ({ replicas: [{ name: 'replica', host: '127.0.0.1' }] }),
    expected: { reads: true, writes: true, transaction: true },
    async run({ orm, driver, Author }) {
      const text = driver === 'postgresql' ? 'select pg_backend_pid() as id' : 'select connection_id() as id';
      const pid = async (type: 'read' | 'write'): Promise<number> => {
        const [row] = (await orm.driver.getConnection(type).execute(text)) as { id: number }[];
        return row!.id;
      };
      await orm.em.fork().count(Author);
      const [read, write] = [await pid('read'), await pid('write')];
      const inside = await orm.em.fork().transactional(async em => {
        const [row] = await em.execute<{ id: number }[]>(text);
        return row!.id;
      });
      return { reads: read !== write, writes: (await pid('write')) === write, transaction: inside === write };
    },
  },
  ...zoned,
]);

await describeDriver('pglite', () => {
  test('a dbName beside driverOptions.dataDir is a database within that folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
    const Thing = defineEntity({ name: 'Thing', tableName: 'thing', properties: { id: p.integer().primary() } });
    const config = { driver: PgliteDriver, dbName: 'shop', driverOptions: { dataDir: folder }, entities: [Thing] };
    const current = async (orm: { driver: MikroORM['driver'] }): Promise<unknown> =>
      orm.driver.getConnection().execute('select current_database() as name');

    const plain = new MikroORM({ ...config, driverOptions: { dataDir: `${folder}/plain` } });
    onTestFinished(async () => {
      await plain.close();
      await rm(folder, { recursive: true, force: true });
    });
    expect(await current(plain)).toEqual([{ name: 'shop' }]);

    const orm = createOrmSingleton(
      { ...config, driverOptions: { dataDir: `${folder}/shared` } },
      { name: 'in a folder' },
    );
    onTestFinished(() => orm.close().catch(() => undefined));
    expect(await current(await orm())).toEqual([{ name: 'shop' }]);
  });
});
