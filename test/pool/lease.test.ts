import { AsyncLocalStorage } from 'node:async_hooks';
import { CompiledQuery } from 'kysely';
import { MikroORM } from '@mikro-orm/core';
import { expect, onTestFinished, test } from 'vitest';
import { createDatabase, describeDriver, onServer, type DatabaseConfig } from '../support/databases.js';
import { createGraph } from '../support/graphs.js';

/** Waits until `look` gives true. */
async function until(look: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 15_000;
  while (!(await look())) {
    expect(performance.now(), 'it takes too long').toBeLessThan(end);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}

/** What `work` gives, or 'hangs'. */
function limited<T>(work: Promise<T>, ms = 15_000): Promise<T | 'hangs'> {
  let timer: NodeJS.Timeout;
  return Promise.race([work, new Promise<'hangs'>(resolve => (timer = setTimeout(resolve, ms, 'hangs')))]).finally(() =>
    clearTimeout(timer),
  );
}

await describeDriver('postgresql', driver => {
  async function openShop(config: object) {
    const database = await createDatabase(driver);
    onTestFinished(() => database.drop());
    const run = <T = unknown>(sql: string) => onServer<T[]>(database.config, sql);
    await run('create table orders (id int primary key)');
    await run(
      'create function slowly() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return null; end $$',
    );
    const isIdle = async (): Promise<boolean> => {
      const [row] = await run<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity where datname = current_database() and state = 'active' and pid <> pg_backend_pid()`,
      );
      return row!.n === 0;
    };
    const ids = async () => (await run<{ id: number }>('select id from orders order by id')).map(({ id }) => id);
    const graph = await createGraph({ ...database.config, ...config } as DatabaseConfig);
    return { graph, run, isIdle, ids };
  }
  // what the README recommends
  const impatient = { pool: { max: 1 }, driverOptions: { query_timeout: 300 } };
  const order = (id: number) => `insert into orders (id) values (${id})`;

  /** A transaction in which a query takes longer than query_timeout, and an order by somebody else afterwards. */
  async function timeOut(orm: MikroORM, isIdle: () => Promise<boolean>) {
    const connection = orm.driver.getConnection();
    const first: unknown = await limited(
      connection
        .transactional(async trx => {
          await connection.execute(order(1), [], 'run', trx);
          await connection.execute('select pg_sleep(1)', [], 'run', trx);
        })
        .catch((error: Error) => error.message),
    );
    await until(isIdle);
    const second = await limited(
      connection.transactional(trx => connection.execute(order(2), [], 'run', trx)).then(() => 'committed'),
      3_000,
    );
    return { first, second };
  }

  test('what was rolled back for a query_timeout is not committed by the next transaction', async () => {
    const plain = await openShop(impatient);
    const alone = new MikroORM(plain.graph.config as DatabaseConfig) as MikroORM;
    onTestFinished(() => void alone.close().catch(() => undefined));
    expect(await timeOut(alone, plain.isIdle)).toEqual({ first: 'Query read timeout', second: 'hangs' });
    expect(await plain.ids(), 'plain MikroORM loses the connection, and no more').toEqual([]);

    const shop = await openShop(impatient);
    const orm = shop.graph.createOrmSingleton(shop.graph.config, { name: 'query_timeout' });
    onTestFinished(() => orm.close());
    expect(await timeOut((await orm()) as MikroORM, shop.isIdle)).toEqual({
      first: 'Query read timeout',
      second: 'committed',
    });
    expect(await shop.ids()).toEqual([2]);
  });

  test('after a commit that timed out, the next borrower is in no transaction', async () => {
    const shop = await openShop(impatient);
    await shop.run(
      'create constraint trigger slow after insert on orders deferrable initially deferred for each row when (new.id < 10) execute function slowly()',
    );
    const orm = shop.graph.createOrmSingleton(shop.graph.config, { name: 'slow commit' });
    onTestFinished(() => orm.close());
    const connection = (await orm()).driver.getConnection();
    const failed = await limited(
      connection
        .transactional(trx => connection.execute(order(1), [], 'run', trx))
        .catch((error: Error) => error.message),
    );
    expect(failed).toBe('Query read timeout');
    await until(shop.isIdle);
    const state = await limited(
      connection.execute<{ id: string | null }[]>('select pg_current_xact_id_if_assigned()::text as id'),
      5_000,
    );
    expect(state).toEqual([{ id: null }]);
    await limited(connection.execute(order(20)), 5_000);
    expect((await shop.ids()).at(-1), 'what runs on its own stays').toBe(20);
  });

  test('hooks read the async context of the graph that asks', async () => {
    const database = await createDatabase(driver);
    onTestFinished(() => database.drop());
    const tenants = [0, 1].map(() => new AsyncLocalStorage<string>());
    const hook = (tenant: AsyncLocalStorage<string>) => async (connection: unknown) => {
      await (connection as { executeQuery(query: unknown): Promise<unknown> }).executeQuery(
        CompiledQuery.raw(`select set_config('app.tenant', '${tenant.getStore() ?? 'none'}', false)`),
      );
    };
    const graphs = await Promise.all(
      tenants.map(tenant => createGraph({ ...database.config, onReserveConnection: hook(tenant) } as DatabaseConfig)),
    );
    const orms = graphs.map(graph => graph.createOrmSingleton(graph.config, { name: 'two contexts' }));
    onTestFinished(async () => void (await Promise.all(orms.map(orm => orm.close()))));
    const opened = await Promise.all(orms.map(orm => orm()));
    const seen = (i: number, tenant: string): Promise<unknown> =>
      tenants[i]!.run(tenant, () =>
        opened[i]!.driver.getConnection().execute(`select current_setting('app.tenant') as tenant`),
      );
    expect(await Promise.all([seen(0, 'a'), seen(1, 'b'), seen(0, 'c'), seen(1, 'd')])).toEqual(
      ['a', 'b', 'c', 'd'].map(tenant => [{ tenant }]),
    );
  });

  test('`context` is the one of the graph that asks, also for the session of a connection', async () => {
    const database = await createDatabase(driver);
    onTestFinished(() => database.drop());
    const stores = [0, 1].map(() => new AsyncLocalStorage<MikroORM['em']>());
    const graphs = await Promise.all(
      stores.map(store =>
        createGraph({
          ...database.config,
          sessionContext: 'connection',
          context: () => store.getStore(),
        } as DatabaseConfig),
      ),
    );
    const orms = graphs.map(graph => graph.createOrmSingleton(graph.config, { name: 'own contexts' }));
    onTestFinished(async () => void (await Promise.all(orms.map(orm => orm.close()))));
    const opened = (await Promise.all(orms.map(orm => orm()))) as MikroORM[];
    const seen = (i: number, tenant: string): Promise<unknown> => {
      const em = opened[i]!.em.fork({ session: { variables: { 'app.tenant': tenant } } });
      return stores[i]!.run(em, () =>
        opened[i]!.driver.getConnection().execute(`select current_setting('app.tenant', true) as tenant`),
      );
    };
    expect(await Promise.all([seen(0, 'a'), seen(1, 'b'), seen(0, 'c'), seen(1, 'd')])).toEqual(
      ['a', 'b', 'c', 'd'].map(tenant => [{ tenant }]),
    );
  });
});
