import type { MikroORM } from '@mikro-orm/core';
import { expect, test } from 'vitest';
import {
  createDatabase,
  describeDriver,
  onServer,
  type DatabaseConfig,
  type DriverName,
} from '../support/databases.js';
import type { SqlConnection } from '../../src/mikro-orm-internals.js';
import { createGraph } from '../support/graphs.js';

/** An ORM on a pool of one connection, so that the next borrower gets the connection of the one before, or none. */
async function openSingle(driver: DriverName, more: object = {}) {
  const database = await createDatabase(driver);
  const graph = await createGraph({ ...database.config, pool: { max: 1 }, ...more } as DatabaseConfig);
  const singleton = graph.createOrmSingleton(graph.config, { migrate: true, name: `lease ${database.config.dbName}` });
  const orm = (await singleton()) as unknown as MikroORM;
  const names = async () =>
    (await onServer<{ name: string }[]>(database.config, 'select name from users order by id')).map(({ name }) => name);
  const insert = (name: string) => `insert into users (email, name) values ('${name}', '${name}')`;
  const close = async () => {
    await singleton.close();
    await database.drop();
  };
  return { database, graph, singleton, orm, names, insert, close };
}

await describeDriver('postgresql', driver => {
  test('a transaction whose query timed out is never committed by the next borrower, and its slot is kept', async () => {
    const { orm, names, insert, close } = await openSingle(driver, { driverOptions: { query_timeout: 200 } });
    const ghost = orm.em.fork().transactional(async em => {
      await em.getConnection().execute(insert('ghost'), [], 'run', em.getTransactionContext());
      await em.getConnection().execute('select pg_sleep(1)', [], 'all', em.getTransactionContext());
    });
    await expect(ghost).rejects.toThrow('Query read timeout');
    await orm.em
      .fork()
      .transactional(em => em.getConnection().execute(insert('kept'), [], 'run', em.getTransactionContext()));
    expect(await names()).toEqual(['kept']);
    await close();
  });

  test('onPoolCreated is called for the pool of the process, not for what migrates or watches', async () => {
    const pools: object[] = [];
    const driverOptions = { onPoolCreated: (pool: object) => pools.push(pool) };
    const { orm, close } = await openSingle(driver, { driverOptions });
    await orm.em.getConnection().execute('select 1');
    expect(pools).toEqual([await (orm.driver.getConnection() as unknown as SqlConnection).getNativeClient()]);
    await close();
  });

  test('a query that timed out outside of a transaction does not answer the next borrower', async () => {
    const { orm, close } = await openSingle(driver, { driverOptions: { query_timeout: 2_000 } });
    const connection = orm.em.getConnection();
    await expect(connection.execute('select pg_sleep(4), 1 as late')).rejects.toThrow('Query read timeout');
    expect(await connection.execute('select 2 as own')).toEqual([{ own: 2 }]);
    await close();
  });

  test('a constraint that fails costs no connection', async () => {
    const { orm, insert, close } = await openSingle(driver);
    const connection = orm.em.getConnection();
    const pid = async () => (await connection.execute<{ pid: number }[]>('select pg_backend_pid() as pid'))[0]!.pid;
    const before = await pid();
    await connection.execute(insert('a'));
    for (let i = 0; i < 20; i++) {
      await expect(connection.execute(insert('a'))).rejects.toMatchObject({ code: '23505' });
      // with parameters, the server says in a message of its own that it is ready
      const kysely = (
        orm.em as unknown as { getKysely(): { executeQuery(query: object): Promise<unknown> } }
      ).getKysely();
      const query = { sql: 'select 1 / $1::int', parameters: [0], query: { kind: 'RawNode' }, queryId: {} };
      await expect(kysely.executeQuery(query)).rejects.toMatchObject({ code: '22012' });
      await expect(
        orm.em
          .fork()
          .transactional(em => em.getConnection().execute(insert('a'), [], 'run', em.getTransactionContext())),
      ).rejects.toMatchObject({ code: '23505' });
    }
    expect(await pid()).toBe(before);
    await close();
  });

  test('a BEGIN by hand is refused, as the next statement may run on another connection', async () => {
    const { orm, names, insert, close } = await openSingle(driver);
    const connection = orm.em.getConnection();
    await expect(connection.execute('begin')).rejects.toMatchObject({ code: 'ORM_CONFIG' });
    await connection.execute(insert('outside'));
    expect(await names()).toEqual(['outside']);
    await close();
  });

  test('a hook that throws costs no connection', async () => {
    let fails = false;
    const onReserveConnection = async (): Promise<void> => {
      if (fails) {
        throw new Error('no role');
      }
    };
    const { orm, close } = await openSingle(driver, { onReserveConnection });
    const connection = orm.em.getConnection();
    fails = true;
    for (let i = 0; i < 3; i++) {
      await expect(connection.execute('select 1')).rejects.toThrow('no role');
    }
    fails = false;
    expect(await connection.execute('select 1 as one')).toEqual([{ one: 1 }]);
    await close();
  });

  test('what holds a transaction that ended touches nothing', async () => {
    const { orm, graph, names, insert, close } = await openSingle(driver);
    await orm.em.getConnection().execute('create table child (id int references users deferrable initially deferred)');
    const a = orm.em.fork();
    await a.begin();
    const stale = a.getTransactionContext()!;
    await a.getConnection().execute('insert into child values (99)', [], 'run', stale);
    await expect(a.commit()).rejects.toMatchObject({ code: '23503' });

    const b = orm.em.fork();
    await b.begin(); // the one connection
    b.create(graph.User as never, { email: 'b', name: 'b' } as never);
    await b.flush();
    await expect(a.getConnection().execute('select name from users', [], 'all', stale)).rejects.toMatchObject({
      code: 'ORM_CONFIG',
    });
    await expect(a.getConnection().execute(insert('a'), [], 'run', stale)).rejects.toMatchObject({
      code: 'ORM_CONFIG',
    });
    await a.rollback(); // and does not roll b back
    await b.commit();
    expect(await names()).toEqual(['b']);
    await close();
  });
});

await describeDriver('mariadb', driver => {
  test('a transaction whose connection was killed gives its slot back, and nothing of it stays', async () => {
    const { orm, names, insert, close } = await openSingle(driver);
    const killed = orm.em.fork().transactional(async em => {
      const execute = <T>(sql: string) =>
        em.getConnection().execute<T>(sql, [], 'all', em.getTransactionContext()) as Promise<T>;
      await execute(insert('ghost'));
      await execute('kill connection_id()');
    });
    await expect(killed).rejects.toThrow();
    await orm.em
      .fork()
      .transactional(em => em.getConnection().execute(insert('kept'), [], 'run', em.getTransactionContext()));
    expect(await names()).toEqual(['kept']);
    await close();
  });

  test('a stream that is left half-way does not hold up the next borrower, and a constraint that fails costs no connection', async () => {
    const { orm, insert, close } = await openSingle(driver);
    const connection = orm.em.getConnection() as unknown as {
      execute<T>(sql: string): Promise<T>;
      stream(sql: string): AsyncIterable<unknown>;
    };
    const id = async () => (await connection.execute<{ id: number }[]>('select connection_id() as id'))[0]!.id;
    await connection.execute(insert('a'));
    const before = await id();
    for (let i = 0; i < 20; i++) {
      await expect(connection.execute(insert('a'))).rejects.toMatchObject({ errno: 1062 });
    }
    expect(await id()).toBe(before);
    for await (const _row of connection.stream('select seq from seq_1_to_100000')) {
      break;
    }
    expect(await connection.execute('select 2 as own')).toEqual([{ own: 2 }]);
    await close();
  });
});
