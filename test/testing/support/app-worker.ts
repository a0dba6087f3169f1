// One worker of test/testing/app.test.ts: runs the tests of a small app in random order, each in a sandbox, on a copy of its own.
import assert from 'node:assert/strict';
import { DeadlockException, defineEntity, p, type MikroORM, type Options } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { sql } from 'kysely';
import {
  createOrmSingleton,
  explicitMigrations,
  mapOrmError,
  retryTransaction,
  withRequestContext,
  type OrmSingleton,
} from '../../../dist/index.js';
import { createTestDatabase, openSandbox } from '../../../dist/testing.js';

/** What the parent sends. */
export interface Order {
  driver: 'sqlite' | 'libsql' | 'pglite' | 'postgresql' | 'mariadb' | 'mysql';
  config: Partial<Options>;
  worker: string;
  seed: number;
  count: number;
}

/** What comes back. */
export interface Outcome {
  name: string;
  ran: number;
  failures: string[];
  before: string;
  after: string;
  ms: number;
}

const AuthorSchema = defineEntity({
  name: 'Author',
  tableName: 'authors',
  properties: { id: p.integer().primary(), email: p.string().length(100).unique() },
});
const BookSchema = defineEntity({
  name: 'Book',
  tableName: 'books',
  properties: {
    id: p.integer().primary(),
    title: p.string().length(100).unique(),
    author: () => p.manyToOne(AuthorSchema),
  },
});

const IDS = {
  sqlite: 'integer primary key autoincrement',
  libsql: 'integer primary key autoincrement',
  pglite: 'serial primary key',
  postgresql: 'serial primary key',
  mariadb: 'int auto_increment primary key',
  mysql: 'int auto_increment primary key',
};
const DRIVERS = {
  sqlite: async () => (await import('@mikro-orm/sqlite')).SqliteDriver,
  libsql: async () => (await import('@mikro-orm/libsql')).LibSqlDriver,
  pglite: async () => (await import('@mikro-orm/pglite')).PgliteDriver,
  postgresql: async () => (await import('@mikro-orm/postgresql')).PostgreSqlDriver,
  mariadb: async () => (await import('@mikro-orm/mariadb')).MariaDbDriver,
  mysql: async () => (await import('@mikro-orm/mysql')).MySqlDriver,
};

process.once('message', (order: Order) => {
  run(order).then(
    outcome => process.send!(outcome, () => process.disconnect()),
    (error: Error) => process.send!({ failures: [String(error.stack)] }, () => process.disconnect()),
  );
});

async function run({ driver, config, worker, seed, count }: Order): Promise<Outcome> {
  class Migration20260101000000 extends Migration {
    override up(): void {
      const id = IDS[driver];
      this.addSql(`create table authors (id ${id}, email varchar(100) not null unique)`);
      this.addSql(
        `create table books (id ${id}, title varchar(100) not null unique, author_id int not null, foreign key (author_id) references authors (id))`,
      );
    }
  }
  const orm = createOrmSingleton({
    ...config,
    driver: await DRIVERS[driver](),
    entities: [AuthorSchema, BookSchema],
    ...explicitMigrations({ Migration20260101000000 }, { silent: true, snapshot: false }),
  } as Options) as unknown as OrmSingleton<MikroORM>;
  const database = await createTestDatabase(orm, {
    worker,
    seed: async em => void (await em.insert(AuthorSchema, { email: 'seeded' })),
  });
  const em = async (): Promise<SqlEntityManager> => (await orm()).em.fork() as unknown as SqlEntityManager;
  const emails = async (): Promise<string[]> =>
    (await (await em()).find(AuthorSchema, {})).map(author => author.email).sort();

  /** Would collide with another test's, without a rollback. */
  const tests: Record<string, () => Promise<void>> = {
    async insert() {
      await (await em()).insert(AuthorSchema, { email: 'ann' });
      assert.deepEqual(await emails(), ['ann', 'seeded']);
    },
    async 'a flush of a graph'() {
      const fork = await em();
      fork.create(BookSchema, { title: 'one', author: fork.create(AuthorSchema, { email: 'ann' }) });
      await fork.flush();
      const [book] = await (await em()).find(BookSchema, {}, { populate: ['author'] });
      assert.equal(book!.author.email, 'ann');
    },
    async 'nested transactions, some of which fail'() {
      await (
        await em()
      ).transactional(async outer => {
        await outer.insert(AuthorSchema, { email: 'ann' });
        for (const fails of [true, false, true]) {
          await outer
            .transactional(async inner => {
              await inner.insert(AuthorSchema, { email: `ben ${fails}` });
              await inner.transactional(
                async third => void (await third.insert(AuthorSchema, { email: `cid ${fails}` })),
              );
              assert.ok(!fails);
            })
            .catch((error: Error) => assert.equal(error.name, 'AssertionError'));
        }
      });
      assert.deepEqual(await emails(), ['ann', 'ben false', 'cid false', 'seeded']);
    },
    async 'a failure'() {
      await (await em()).insert(AuthorSchema, { email: 'ann' });
      const error = await (await em()).insert(AuthorSchema, { email: 'ann' }).catch((reason: unknown) => reason);
      assert.equal(mapOrmError(error, { orm: orm })?.code, 'unique-violation');
      assert.deepEqual(await emails(), ['ann', 'seeded']);
    },
    async 'a retry'() {
      let attempts = 0;
      const retried = retryTransaction(orm, async tx => {
        await tx.insert(AuthorSchema, { email: 'ann' });
        if (++attempts < 2) {
          throw new DeadlockException(Object.assign(new Error('deadlock'), { code: '40P01' }));
        }
      });
      await (driver === 'libsql' ? assert.rejects(retried) : retried);
      assert.deepEqual(await emails(), driver === 'libsql' ? ['seeded'] : ['ann', 'seeded']);
    },
    async 'a stream'() {
      await (await em()).insertMany(AuthorSchema, [{ email: 'ann' }, { email: 'ben' }]);
      const seen: string[] = [];
      if (driver !== 'pglite') {
        for await (const author of (await em()).stream(AuthorSchema, {})) {
          seen.push(author.email);
          await (await em()).insert(BookSchema, { title: author.email, author: author.id });
        }
        assert.equal(await (await em()).count(BookSchema), 3);
      }
    },
    async 'hooks of the unit of work'() {
      const events: string[] = [];
      const fork = await em();
      fork.getEventManager().registerSubscriber({
        beforeFlush: async () => void events.push('before'),
        afterTransactionCommit: async () => void events.push('commit'),
      });
      fork.create(AuthorSchema, { email: 'ann' });
      await fork.flush();
      assert.deepEqual(events, ['before', 'commit']);
    },
    async 'the schema'() {
      const change = (await em()).execute('create table extra (id int)');
      if (driver === 'mariadb' || driver === 'mysql') {
        await assert.rejects(change, { code: 'SANDBOX' });
      } else {
        await change;
        await (await orm()).schema.refresh();
        assert.deepEqual(await emails(), []);
      }
    },
    async 'raw Kysely'() {
      const kysely = (await em()).getKysely();
      await kysely
        .transaction()
        .execute(async trx => void (await sql`insert into authors (email) values ('ann')`.execute(trx)));
      await kysely.connection().execute(async db => {
        await sql`begin`.execute(db);
        await sql`insert into authors (email) values ('ben')`.execute(db);
        await sql`rollback`.execute(db);
      });
      assert.deepEqual(await emails(), ['ann', 'seeded']);
    },
    async 'requests at the same time'() {
      await Promise.all(
        ['ann', 'ben', 'cid'].map(email =>
          withRequestContext(orm, own =>
            own.transactional(async tx => void (await tx.insert(AuthorSchema, { email }))),
          ),
        ),
      );
      assert.deepEqual(await emails(), ['ann', 'ben', 'cid', 'seeded']);
    },
  };

  const dump = async (): Promise<string> => {
    const fork = await em();
    const read = (text: string): Promise<unknown[]> => fork.execute(text);
    const names: Record<string, string> = {
      sqlite: 'select name, sql from sqlite_master order by name',
      postgresql:
        "select table_name, column_name, data_type, column_default from information_schema.columns where table_schema = 'public' order by 1, 2",
      mariadb:
        'select table_name, column_name, column_type, column_default from information_schema.columns where table_schema = database() order by 1, 2',
    };
    const kind = { libsql: 'sqlite', pglite: 'postgresql', mysql: 'mariadb' }[driver as string] ?? driver;
    const parts: unknown[] = [await read(names[kind]!)];
    for (const table of ['authors', 'books', 'mikro_orm_migrations']) {
      parts.push(await read(`select * from ${table} order by id`));
    }
    if (kind !== 'mariadb') {
      parts.push(
        await read(
          kind === 'sqlite'
            ? 'select * from sqlite_sequence order by name'
            : 'select sequencename, last_value from pg_sequences order by 1',
        ),
      );
    }
    return JSON.stringify(parts);
  };

  const before = await dump();
  const started = performance.now();
  const failures: string[] = [];
  let state = seed;
  const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  const kinds = Object.keys(tests);
  const order = Array.from({ length: count }, (_, i) => kinds[i % kinds.length]!)
    .map(kind => ({ kind, at: random() }))
    .sort((a, b) => a.at - b.at);
  for (const { kind } of order) {
    const sandbox = await openSandbox(orm);
    try {
      await tests[kind]!();
    } catch (error) {
      failures.push(`${kind}: ${String((error as Error).stack)}`);
    } finally {
      await sandbox.rollback();
    }
  }
  const ms = performance.now() - started;
  const after = await dump();
  await database.drop();
  return { name: database.name, ran: order.length, failures, before, after, ms };
}
