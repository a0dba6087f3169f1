import { defineEntity, p } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { CompiledQuery } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOrmSingleton, mapOrmError, withRequestContext, type OrmSingleton } from '../../src/index.js';
import { openSandbox } from '../../src/testing/index.js';
import {
  createDatabase,
  describeDriver,
  onServer,
  type DatabaseConfig,
  type DriverName,
} from '../support/databases.js';
import { createGraph } from '../support/graphs.js';

const UserSchema = defineEntity({ name: 'User', tableName: 'users', properties: { id: p.integer().primary() } });
class User extends UserSchema.class {}
UserSchema.setClass(User);

type Sql = (text: string) => Promise<Record<string, unknown>[]>;

/** Runs `work` with an ORM on a database of its own that has a table. */
async function onDatabase(
  name: DriverName,
  more: (config: DatabaseConfig) => DatabaseConfig,
  work: (orm: OrmSingleton, sql: Sql) => Promise<void>,
): Promise<void> {
  const database = await createDatabase(name);
  const config = { ...database.config, ...more(database.config) };
  const orm = createOrmSingleton(
    { ...config, entities: [User] },
    { name: `sessions ${name}` },
  ) as unknown as OrmSingleton;
  const sql: Sql = async text => ((await orm()).em.fork() as unknown as SqlEntityManager).execute(text);
  try {
    await (await orm()).schema.create();
    await work(orm, sql);
  } finally {
    await orm.close();
    await database.drop();
  }
}

for (const driver of ['postgresql', 'pglite'] as const) {
  await describeDriver(driver, name => {
    test('deferred constraints are checked at the inner commit, and wait again in the next transaction', async () => {
      await onDatabase(
        name,
        () => ({}),
        async (orm, sql) => {
          await sql(
            'create table nodes (id int primary key, next int, constraint own unique (id) deferrable, constraint nodes_next foreign key (next) references nodes deferrable initially deferred)',
          );
          await using _ = await openSandbox(orm);
          const em = async () => (await orm()).em.fork() as unknown as SqlEntityManager;
          for (let i = 0; i < 2; i++) {
            await (
              await em()
            ).transactional(async tx => {
              await tx.execute(`insert into nodes values (${i}1, ${i}2)`);
              await tx.execute(`insert into nodes values (${i}2, ${i}1)`);
            });
            const error = await (
              await em()
            )
              .transactional(tx => tx.execute(`insert into nodes values (${i}3, 99)`))
              .catch((reason: unknown) => reason);
            expect(mapOrmError(error, { orm })?.code).toBe('reference-not-found');
          }
          await (
            await em()
          ).transactional(async tx => {
            await tx.execute('set constraints all deferred');
            await tx.execute('insert into nodes values (50, 51)');
            await tx.execute('insert into nodes values (51, 50)');
          });
          expect(await sql('select id from nodes order by id')).toHaveLength(6);
        },
      );
    });

    test('settings of a transaction end with it', async () => {
      await onDatabase(
        name,
        () => ({}),
        async (orm, sql) => {
          await using _ = await openSandbox(orm);
          const session = { variables: { 'app.tenant': '1' } };
          const read = 'select current_setting($1, true) as tenant';
          await withRequestContext(
            orm,
            async em => {
              await em.transactional(async tx => {
                const rows = await (tx as SqlEntityManager).execute(read.replace('$1', "'app.tenant'"));
                expect(rows).toEqual([{ tenant: '1' }]);
                await (tx as SqlEntityManager).execute("set local app.other = 'it''s'");
              });
            },
            { session } as never,
          );
          for (const key of ['app.tenant', 'app.other']) {
            expect((await sql(`select coalesce(current_setting('${key}', true), '') as value`))[0]).toEqual({
              value: '',
            });
          }
        },
      );
    });

    test('COMMIT after a failed statement is a rollback, as without a sandbox', async () => {
      await onDatabase(
        name,
        () => ({}),
        async (orm, sql) => {
          await using _ = await openSandbox(orm);
          const kysely = ((await orm()).em.fork() as unknown as SqlEntityManager).getKysely();
          await kysely.connection().execute(async db => {
            await db.executeQuery(CompiledQuery.raw('begin'));
            await db.executeQuery(CompiledQuery.raw('insert into users default values'));
            await db.executeQuery(CompiledQuery.raw('select 1 / 0')).catch(() => undefined);
            await expect(db.executeQuery(CompiledQuery.raw('select 1'))).rejects.toMatchObject({ code: '25P02' });
            await db.executeQuery(CompiledQuery.raw('commit'));
          });
          expect(await sql('select * from users')).toEqual([]);
        },
      );
    });

    test('a read-only transaction refuses to write, and the next one writes', async () => {
      await onDatabase(
        name,
        () => ({}),
        async (orm, sql) => {
          await using _ = await openSandbox(orm);
          const em = (await orm()).em.fork() as unknown as SqlEntityManager;
          const insert = (tx: SqlEntityManager) => tx.execute('insert into users default values');
          await expect(em.transactional(insert, { readOnly: true })).rejects.toThrow(/read-only/);
          await em.transactional(tx => tx.execute('select 1'), { readOnly: true });
          await em.transactional(insert);
          expect(await sql('select * from users')).toHaveLength(1);
        },
      );
    });
  });
}

for (const driver of ['sqlite', 'libsql'] as const) {
  await describeDriver(driver, name => {
    test('deferred constraints are checked at the inner commit', async () => {
      await onDatabase(
        name,
        () => ({}),
        async (orm, sql) => {
          await sql(
            'create table nodes (id int primary key, next int references nodes deferrable initially deferred, plain int references nodes)',
          );
          await using _ = await openSandbox(orm);
          const run = async (...statements: string[]) =>
            ((await orm()).em.fork() as unknown as SqlEntityManager).transactional(async tx => {
              for (const statement of statements) {
                await tx.execute(statement);
              }
            });
          for (let i = 0; i < 2; i++) {
            await run(`insert into nodes values (1${i}, 2${i}, null)`, `insert into nodes values (2${i}, 1${i}, null)`);
            const error = await run(`insert into nodes values (3${i}, 99, null)`).catch((reason: unknown) => reason);
            expect(mapOrmError(error, { orm })?.code).toBe('reference-violation');
          }
          const error = await run('pragma defer_foreign_keys = on', 'insert into nodes values (40, null, 41)').catch(
            (reason: unknown) => reason,
          );
          expect(mapOrmError(error, { orm })?.code).toBe('reference-violation');
          await expect(run('insert into nodes values (50, null, 51)')).rejects.toThrow(/FOREIGN KEY/);
          expect(await sql('select id from nodes order by id')).toHaveLength(4);
        },
      );
    });

    test('a rollback by the database is no end in silence', async () => {
      await onDatabase(
        name,
        () => ({}),
        async (orm, sql) => {
          await sql('create table once (id int unique on conflict rollback)');
          const sandbox = await openSandbox(orm);
          await sql('insert into once values (1)');
          await expect(sql('insert into once values (1)')).rejects.toThrow(/UNIQUE/);
          await expect(sql('insert into once values (2)')).rejects.toMatchObject({ code: 'SANDBOX' });
          await sandbox.rollback();
          expect(await sql('select * from once')).toEqual([]);
        },
      );
    });
  });
}

for (const driver of ['postgresql', 'mariadb'] as const) {
  await describeDriver(driver, name => {
    test('onReserveConnection prepares the connection for each borrower', async () => {
      let count = 0;
      const set = name === 'postgresql' ? (n: number) => `set app.n = '${n}'` : (n: number) => `set @n = ${n}`;
      const get = name === 'postgresql' ? "select current_setting('app.n') as n" : 'select @n as n';
      const hook = async (connection: { executeQuery(query: CompiledQuery): Promise<unknown> }) => {
        await connection.executeQuery(CompiledQuery.raw(set(++count)));
      };
      await onDatabase(
        name,
        () => ({ onReserveConnection: hook }) as never,
        async (orm, sql) => {
          await using _ = await openSandbox(orm);
          const before = count;
          expect(Number((await sql(get))[0]!['n'])).toBe(before + 1);
          const kysely = ((await orm()).em.fork() as unknown as SqlEntityManager).getKysely();
          await kysely.connection().execute(async db => {
            const own = count;
            await sql(get);
            const { rows } = await db.executeQuery(CompiledQuery.raw(get)); // prepared again: another had its turn
            expect(Number((rows[0] as { n: unknown }).n)).toBeGreaterThan(own);
          });
        },
      );
    });

    test('replicas read from the sandbox', async () => {
      await onDatabase(
        name,
        config => ({ replicas: [{ name: 'replica', host: '127.0.0.1', dbName: config.dbName! }] }),
        async orm => {
          await using _ = await openSandbox(orm);
          const em = (await orm()).em.fork();
          await em.insert(User, { id: 1 });
          for (let i = 0; i < 5; i++) {
            expect(await (await orm()).em.fork().find(User, {}, { connectionType: 'read' })).toHaveLength(1);
          }
        },
      );
    });

    test('nobody else sees what it has written', async () => {
      await onDatabase(
        name,
        () => ({}),
        async (orm, sql) => {
          const { config } = await orm();
          await using _ = await openSandbox(orm);
          await sql(name === 'postgresql' ? 'insert into users default values' : 'insert into users () values ()');
          const { driver: own, host, port, user, dbName } = config.getAll();
          const rows = await onServer<unknown[]>(
            { driver: own, host, port, user, password: '', dbName } as never,
            'select * from users',
          );
          expect(rows).toEqual([]);
        },
      );
    });
  });
}

await describeDriver('postgresql', name => {
  test('row-level security by the connection', async () => {
    await onDatabase(
      name,
      () => ({ sessionContext: 'connection' }) as never,
      async (orm, sql) => {
        await using _ = await openSandbox(orm);
        const tenantOf = (tenant: string) =>
          withRequestContext(
            orm,
            em => (em as unknown as SqlEntityManager).execute("select current_setting('app.tenant', true) as tenant"),
            { session: { variables: { 'app.tenant': tenant } } } as never,
          );
        expect(await tenantOf('1')).toEqual([{ tenant: '1' }]);
        expect(await tenantOf('2')).toEqual([{ tenant: '2' }]);
        expect(await sql("select current_setting('app.tenant', true) as tenant")).toEqual([{ tenant: '' }]);
      },
    );
  });
});

await describeDriver('sqlite', name => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase(name);
  });
  afterAll(() => database.drop());

  test('every module graph is in it, also one that opens later', async () => {
    const [first, second, third] = [
      await createGraph(database.config),
      await createGraph(database.config),
      await createGraph(database.config),
    ];
    const a = first.createOrmSingleton(first.config, { migrate: true });
    const b = second.createOrmSingleton(second.config, { migrate: true });
    const c = third.createOrmSingleton(third.config, { migrate: true });
    await a();
    await b();
    const sandbox = await openSandbox(a as unknown as OrmSingleton);
    await (await b()).em.fork().insert(second.User, { email: 'b', name: 'b' });
    await (await c()).em.fork().transactional(em => em.insert(third.User, { email: 'c', name: 'c' }));
    expect(await (await a()).em.fork().count(first.User)).toBe(2);
    await sandbox.rollback();
    expect(await (await c()).em.fork().count(third.User)).toBe(0);
    await a.close();
  });

  describe('what is said', () => {
    test('a pool of the user’s own is refused', async () => {
      const { NodeSqliteDialect } = await import('@mikro-orm/sql');
      const orm = createOrmSingleton(
        { ...database.config, entities: [User], driverOptions: new NodeSqliteDialect(':memory:') as never } as never,
        { name: 'own' },
      );
      await expect(openSandbox(orm as never)).rejects.toMatchObject({ code: 'ORM_CONFIG' });
      await orm.close();
    });
  });
});

await describeDriver('mariadb', name => {
  test('a deadlock that undoes all of it is no end in silence, and nothing is committed', async () => {
    await onDatabase(
      name,
      () => ({}),
      async (orm, sql) => {
        await sql('create table t (id int primary key, n int)');
        await sql('insert into t values (1, 1), (2, 2)');
        const { driver: own, host, port, user, dbName } = (await orm()).config.getAll();
        const config = { driver: own, host, port, user, password: '', dbName } as never;
        await using other = createOrmSingleton({ ...(config as object), entities: [User] } as never, { name: 'other' });
        const em = (await other()).em.fork() as unknown as SqlEntityManager;
        const sandbox = await openSandbox(orm);
        await sql('update t set n = 10 where id = 1');
        await em.begin();
        for (let i = 10; i < 60; i++) {
          await em.execute(`insert into t values (${i}, 0)`); // the server ends the one that has written less
        }
        await em.execute('update t set n = 20 where id = 2');
        const waiting = em.execute('update t set n = 20 where id = 1');
        const find = `select id from information_schema.processlist where db = '${String(dbName)}' and info like 'update t set n = 20 where id = 1%'`;
        await expect.poll(() => onServer<unknown[]>(config, find)).toHaveLength(1);
        await expect(sql('update t set n = 10 where id = 2')).rejects.toMatchObject({ code: 'ER_LOCK_DEADLOCK' });
        await waiting;
        const late = (await orm()).em.fork().transactional(tx => tx.insert(User, { id: 9 }));
        await expect(late).rejects.toThrow();
        await expect(sql('insert into t values (4, 4)')).rejects.toMatchObject({ code: 'SANDBOX' });
        await sandbox.rollback();
        await em.rollback();
        expect(await sql('select * from t')).toEqual([
          { id: 1, n: 1 },
          { id: 2, n: 2 },
        ]);
        expect(await sql('select * from users')).toEqual([]);
      },
    );
  });
});
