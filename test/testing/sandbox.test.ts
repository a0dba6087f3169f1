import { defineEntity, IsolationLevel, p } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { CompiledQuery, sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOrmSingleton, mapOrmError, retryTransaction, withRequestContext } from '../../src/index.js';
import { openSandbox } from '../../src/testing/index.js';
import { createDatabase, describeDriver, DRIVERS, killConnections, type DriverName } from '../support/databases.js';

const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: { id: p.integer().primary(), email: p.string().unique(), parent: () => p.manyToOne(User).nullable() },
});
class User extends UserSchema.class {}
UserSchema.setClass(User);

interface NativeConnection {
  getNativeClient(): Promise<{ exec(sql: string): unknown }>;
}

const isServer = (name: DriverName): boolean => ['postgresql', 'mariadb', 'mysql'].includes(name);
const isMysql = (name: DriverName): boolean => ['mariadb', 'mysql'].includes(name);

for (const driver of DRIVERS) {
  await describeDriver(driver, name => {
    let database: Awaited<ReturnType<typeof createDatabase>>;
    const create = () => createOrmSingleton({ ...database.config, entities: [User] }, { name: `sandbox ${name}` });
    let orm: ReturnType<typeof create>;
    const emOf = async () => (await orm()).em.fork() as unknown as SqlEntityManager;
    const emails = async (): Promise<string[]> =>
      (await (await emOf()).find(User, {}, { orderBy: { email: 1 } })).map(user => user.email);
    const insert = async (email: string, em?: SqlEntityManager): Promise<void> => {
      await (em ?? (await emOf())).insert(User, { email });
    };

    beforeAll(async () => {
      database = await createDatabase(name);
      orm = create();
      await (await orm()).schema.create();
      await insert('kept');
    });
    afterAll(async () => {
      await orm?.close();
      await database?.drop();
    });

    test('undoes statements, flushes and transactions, in order', async () => {
      for (let i = 0; i < 3; i++) {
        const sandbox = await openSandbox(orm);
        await insert('a');
        await (
          await emOf()
        ).transactional(async em => {
          em.create(User, { email: 'b' });
          await em.flush();
          await em.transactional(async inner => void inner.create(User, { email: 'c' }));
        });
        expect(await emails()).toEqual(['a', 'b', 'c', 'kept']);
        await sandbox.rollback();
        expect(await emails()).toEqual(['kept']);
      }
    });

    test('a rollback of the code under test undoes that transaction only', async () => {
      await using _ = await openSandbox(orm);
      await insert('a');
      await expect(
        (await emOf()).transactional(async em => {
          await insert('b', em as SqlEntityManager);
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
      await (
        await emOf()
      ).transactional(async em => {
        await insert('c', em as SqlEntityManager);
        await em
          .transactional(async inner => {
            await insert('d', inner as SqlEntityManager);
            throw new Error('no');
          })
          .catch(() => undefined);
      });
      expect(await emails()).toEqual(['a', 'c', 'kept']);
    });

    test('a statement that fails loses neither what was before, nor what comes', async () => {
      await using _ = await openSandbox(orm);
      await insert('a');
      const error = await insert('a').catch((reason: unknown) => reason);
      expect(mapOrmError(error, { orm })).toMatchObject({ code: 'unique-violation', entity: 'User' });
      await insert('b');
      await expect(
        (await emOf()).transactional(async em => {
          await insert('c', em as SqlEntityManager);
          await insert('a', em as SqlEntityManager);
        }),
      ).rejects.toThrow();
      expect(await emails()).toEqual(['a', 'b', 'kept']);
    });

    test('BEGIN by hand, raw Kysely, and begin() without a callback', async () => {
      await using _ = await openSandbox(orm);
      const kysely = (await emOf()).getKysely();
      await kysely.connection().execute(async db => {
        await sql`begin`.execute(db);
        await sql`insert into users (email) values ('a')`.execute(db);
        await sql`rollback`.execute(db);
        await sql`/* a comment */ begin`.execute(db);
        await sql`insert into users (email) values ('b')`.execute(db);
        await sql`commit`.execute(db);
      });
      await kysely
        .transaction()
        .execute(async trx => void (await sql`insert into users (email) values ('c')`.execute(trx)));
      const trx = await kysely.startTransaction().execute();
      await sql`insert into users (email) values ('d')`.execute(trx);
      await trx.rollback().execute();
      const em = await emOf();
      await em.begin({ isolationLevel: IsolationLevel.SERIALIZABLE });
      await insert('e', em);
      await em.commit();
      expect(await emails()).toEqual(['b', 'c', 'e', 'kept']);
    });

    test('retryTransaction runs again', async () => {
      await using _ = await openSandbox(orm);
      const { DeadlockException } = await import('@mikro-orm/core');
      let attempts = 0;
      const run = retryTransaction(orm, async em => {
        await em.insert(User, { email: `try ${++attempts}` });
        if (attempts < 3) {
          throw new DeadlockException(Object.assign(new Error('deadlock'), { code: '40P01', errno: 1213 }));
        }
      });
      if (name === 'libsql') {
        await expect(run).rejects.toThrow(); // as without a sandbox
      } else {
        await run;
        expect(await emails()).toEqual(['kept', 'try 3']);
      }
    });

    test('unrelated transactions queue', async () => {
      await using _ = await openSandbox(orm);
      await Promise.all(
        Array.from({ length: 10 }, async (__, i) =>
          withRequestContext(orm, async em => {
            await em.transactional(async tx => {
              tx.create(User, { email: `user ${i}` });
              await tx.flush();
              await new Promise(resolve => setTimeout(resolve, i === 0 ? 1_200 : 1));
            });
            await em.count(User);
          }),
        ),
      );
      expect(await emails()).toHaveLength(11);
    });

    const within = {
      'em.transactional': async (work: () => Promise<unknown>) => (await emOf()).transactional(work),
      'em.begin': async (work: () => Promise<unknown>) => {
        const em = await emOf();
        await em.begin();
        try {
          await insert('x', em);
          await work();
        } finally {
          await em.rollback();
        }
      },
      'kysely.transaction': async (work: () => Promise<unknown>) =>
        (await emOf()).getKysely().transaction().execute(work),
    };
    test.each(Object.keys(within) as (keyof typeof within)[])(
      'a second connection within %s is an error that names both places',
      async kind => {
        await using _ = await openSandbox(orm);
        const second = [
          async () => (await emOf()).transactional(async em => em.count(User)),
          async () => (await emOf()).count(User),
        ];
        for (const work of second) {
          const error = (await within[kind](work).catch((reason: unknown) => reason)) as Error;
          expect(error).toMatchObject({ code: 'SANDBOX' });
          expect(error.message.match(/sandbox\.test\.ts:\d+/g)).toHaveLength(2);
        }
        await insert('after');
        expect(await emails()).toEqual(['after', 'kept']);
      },
    );

    test('work that nobody awaits has its turn after the transaction', async () => {
      await using _ = await openSandbox(orm);
      let counted: Promise<number> | undefined;
      await (
        await emOf()
      ).transactional(async em => {
        counted = emOf().then(other => other.count(User));
        for (let i = 0; i < 4; i++) {
          await new Promise(resolve => setTimeout(resolve, 200));
          await insert(`row ${i}`, em as SqlEntityManager);
        }
      });
      expect(await counted).toBe(5);
    });

    test.skipIf(name === 'pglite')('streams, with other queries between two rows', async () => {
      await using _ = await openSandbox(orm);
      await (
        await emOf()
      ).insertMany(
        User,
        Array.from({ length: 5 }, (__, i) => ({ email: `row ${i}` })),
      );
      const seen: string[] = [];
      for await (const user of (await emOf()).stream(User, { orderBy: { id: 'asc' } })) {
        seen.push(user.email);
        expect(await (await emOf()).count(User)).toBe(6);
      }
      expect(seen).toHaveLength(6);
    });

    test('two at once are refused, and one after the other is fine', async () => {
      const first = await openSandbox(orm);
      await expect(openSandbox(orm)).rejects.toMatchObject({ code: 'ORM_CONFIG' });
      await first.rollback();
      await first.rollback();
      await (await openSandbox(orm)).rollback();
    });

    test('what outlives its test is refused', async () => {
      const sandbox = await openSandbox(orm);
      const em = await emOf();
      await em.begin();
      await insert('late', em);
      await sandbox.rollback();
      await expect(insert('later', em)).rejects.toMatchObject({ code: 'SANDBOX' });
      await em.rollback().catch(() => undefined);
      expect(await emails()).toEqual(['kept']);
    });

    test('a native client is in it where it is the one connection, else refused', async () => {
      const native = async () =>
        ((await orm()).driver.getConnection() as unknown as NativeConnection).getNativeClient();
      const before = await native();
      const sandbox = await openSandbox(orm);
      if (isServer(name)) {
        await expect(native()).rejects.toMatchObject({
          code: 'SANDBOX',
          message: expect.stringMatching(/getNativeClient\(\).*getClient\(\)/),
        });
      } else {
        expect(await native()).toBe(before);
        await before.exec("insert into users (email) values ('native')");
        expect(await emails()).toEqual(['kept', 'native']);
      }
      await (
        await emOf()
      )
        .getConnection()
        .getClient()
        .executeQuery(CompiledQuery.raw("insert into users (email) values ('kysely')"));
      expect(await emails()).toContain('kysely');
      await sandbox.rollback();
      expect(await emails()).toEqual(['kept']);
      expect(await native()).toBe(before);
    });

    test.skipIf(isMysql(name))('the schema can be changed, and is what it was', async () => {
      const { schema } = await orm();
      const before = await schema.getUpdateSchemaSQL();
      const sandbox = await openSandbox(orm);
      await (await emOf()).execute('create table extra (id integer)');
      await schema.refresh();
      await insert('a');
      await schema.clear();
      expect(await emails()).toEqual([]);
      await sandbox.rollback();
      expect(await schema.getUpdateSchemaSQL()).toBe(before);
      expect(await emails()).toEqual(['kept']);
    });

    test.runIf(isMysql(name))('what would commit is refused', async () => {
      await using _ = await openSandbox(orm);
      await insert('a');
      for (const text of [
        'create table extra (id int)',
        'truncate users',
        '/* x */ alter table users add x int',
        'set autocommit = 1',
      ]) {
        await expect((await emOf()).execute(text), text).rejects.toMatchObject({ code: 'SANDBOX' });
      }
      await (await emOf()).execute('create temporary table t (id int)');
      await (await emOf()).execute('drop temporary table t');
      expect(await emails()).toEqual(['a', 'kept']);
    });

    test('a script', async () => {
      await using _ = await openSandbox(orm);
      const connection = (await orm()).driver.getConnection();
      await connection.executeDump(
        isMysql(name)
          ? "insert into users (email) values ('x;y')"
          : "begin; insert into users (email) values ('x;y'); -- a; comment\ncommit; insert into users (email) values ('z');",
      );
      expect(await emails()).toEqual(isMysql(name) ? ['kept', 'x;y'] : ['kept', 'x;y', 'z']);
    });

    test('close() ends it', async () => {
      const sandbox = await openSandbox(orm);
      await insert('a');
      if (name === 'pglite') {
        await sandbox.rollback(); // its memory would go
        return;
      }
      await orm.close();
      await sandbox.rollback();
      orm = create();
      expect(await emails()).toEqual(['kept']);
    });

    test.runIf(name === 'postgresql' || name === 'mariadb')(
      'a lost connection fails this test, and not the next',
      async () => {
        const sandbox = await openSandbox(orm);
        await insert('a');
        await killConnections(name as 'postgresql', database.config);
        await expect(insert('b')).rejects.toThrow();
        await expect(insert('c')).rejects.toThrow();
        await sandbox.rollback();
        await using _ = await openSandbox(orm);
        expect(await emails()).toEqual(['kept']);
      },
    );

    test.runIf(isServer(name))('a query that is cancelled', async () => {
      await using _ = await openSandbox(orm);
      await insert('a');
      const kysely = (await emOf()).getKysely();
      const sleep = CompiledQuery.raw(name === 'postgresql' ? 'select pg_sleep(20)' : 'select sleep(20)');
      const abort = { signal: AbortSignal.timeout(100), inflightQueryAbortStrategy: 'cancel query' as const };
      await expect(kysely.executeQuery(sleep, abort)).rejects.toThrow();
      expect(await emails()).toEqual(['a', 'kept']);
    });
  });
}
