import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import {
  createDatabase,
  describeDriver,
  onServer,
  type DatabaseConfig,
  type DriverName,
} from '../support/databases.js';
import { createGraph } from '../support/graphs.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

let names = 0;

/** Two module graphs with settings of their own, under one name. */
async function openTwo(first: DatabaseConfig, second: DatabaseConfig) {
  const name = `two of one name ${names++}`;
  const graphs = await Promise.all([createGraph(first), createGraph(second)]);
  const [one, two] = graphs.map(graph => graph.createOrmSingleton(graph.config, { name }));
  onTestFinished(async () => {
    await Promise.all([one!.close(), two!.close()]);
  });
  return { one: one!, two: two! };
}

const SETTINGS: [what: string, drivers: DriverName[], one: object, other: object][] = [
  [
    'search_path',
    ['postgresql'],
    { driverOptions: { options: '-c search_path=tenant_a' } },
    { driverOptions: { options: '-c search_path=tenant_b' } },
  ],
  ['default read-only', ['postgresql'], {}, { driverOptions: { options: '-c default_transaction_read_only=on' } }],
  ['time zone', ['postgresql'], {}, { driverOptions: { options: '-c timezone=Asia/Tokyo' } }],
  ['multipleStatements', ['mariadb', 'mysql'], { multipleStatements: false }, { multipleStatements: true }],
  ['time zone', ['mariadb', 'mysql'], { timezone: 'Z' }, { timezone: '+05:00' }],
];

for (const driver of ['postgresql', 'mariadb', 'mysql'] as const) {
  await describeDriver(driver, () => {
    test.each(SETTINGS.filter(([, drivers]) => drivers.includes(driver)))(
      'in production, another %s under one name is an error',
      async (_what, _drivers, first, second) => {
        vi.stubEnv('NODE_ENV', 'production');
        const database = await createDatabase(driver);
        onTestFinished(() => database.drop());
        const { one, two } = await openTwo({ ...database.config, ...first }, { ...database.config, ...second });
        await (await one()).driver.getConnection().execute('select 1');
        await expect(two()).rejects.toMatchObject({ code: 'ORM_CONFIG' });
        const rows = await (await one()).driver.getConnection().execute('select 1 as one');
        expect(rows, 'the first goes on').toEqual([{ one: 1 }]);
      },
    );
  });
}

await describeDriver('postgresql', driver => {
  const pidOf = async (orm: {
    driver: { getConnection(): { execute(sql: string): Promise<unknown> } };
  }): Promise<number> => {
    const [row] = (await orm.driver.getConnection().execute('select pg_backend_pid() as pid')) as { pid: number }[];
    return row!.pid;
  };

  test('in production, a connection string of another database is another database', async () => {
    vi.stubEnv('NODE_ENV', 'production');
    const [first, second] = [await createDatabase(driver), await createDatabase(driver)];
    onTestFinished(async () => {
      await Promise.all([first.drop(), second.drop()]);
    });
    const url = ({ config }: typeof first) =>
      `postgres://${config.user}@${config.host}:${config.port}/${config.dbName}`;
    const { one, two } = await openTwo(first.config, {
      ...first.config,
      driverOptions: { connectionString: url(second) },
    });
    await one();
    const reached = two().then(orm => orm.driver.getConnection().execute('select current_database() as name'));
    await expect(reached).rejects.toMatchObject({ code: 'ORM_CONFIG' });
  });

  test.each([undefined, 'development'])(
    'with NODE_ENV %s, a pool that was replaced does not open a connection for each query of those who are still on it',
    async env => {
      vi.stubEnv('NODE_ENV', env);
      const [first, second] = [await createDatabase(driver), await createDatabase(driver)];
      onTestFinished(async () => {
        await Promise.all([first.drop(), second.drop()]);
      });
      for (const other of [second.config, { ...first.config, pool: { max: 5 } }]) {
        const { one, two } = await openTwo({ ...first.config, pool: { max: 3 } }, other);
        const kept = await one();
        await two();
        const pids = new Set<number>();
        for (let i = 0; i < 30; i++) pids.add(await pidOf(kept));
        expect(pids.size).toBeLessThanOrEqual(3);
      }
    },
  );

  test('after all of a name are closed, the server has none of its connections', async () => {
    const database = await createDatabase(driver);
    onTestFinished(() => database.drop());
    const { one, two } = await openTwo(database.config, { ...database.config, pool: { max: 2 } });
    await Promise.all([pidOf(await one()), pidOf(await two())]);
    await Promise.all([one.close(), two.close()]);
    await vi.waitFor(async () => {
      const [row] = await onServer<{ n: number }[]>(
        { ...database.config, dbName: 'postgres' },
        `select count(*)::int as n from pg_stat_activity where datname = '${database.config.dbName}'`,
      );
      expect(row!.n).toBe(0);
    }, 10_000);
  });
});

test('in production, two databases under one name are an error also where they open at once', async () => {
  vi.stubEnv('NODE_ENV', 'production');
  const [first, second] = [await createDatabase('sqlite'), await createDatabase('sqlite')];
  const { one, two } = await openTwo(first.config, second.config);
  const results = await Promise.allSettled([one(), two()]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'ORM_CONFIG' } });
  await Promise.all([first.drop(), second.drop()]);
});

test('in production, settings that led nowhere give the name back', async () => {
  vi.stubEnv('NODE_ENV', 'production');
  const database = await createDatabase('sqlite');
  const wrong = { ...database.config, dbName: '/nowhere/at/all.db' } as DatabaseConfig;
  const { one, two } = await openTwo(wrong, database.config);
  await expect(one()).rejects.toThrow();
  expect(await (await two()).driver.getConnection().execute('select 1 as one')).toEqual([{ one: 1 }]);
  await database.drop();
});

test('in development, close() of the graph of before an edit closes that of after it, too', async () => {
  vi.stubEnv('NODE_ENV', 'development');
  const database = await createDatabase('sqlite');
  const { one, two } = await openTwo(
    { ...database.config, pool: { max: 3 } } as DatabaseConfig,
    { ...database.config, pool: { max: 4 } } as DatabaseConfig,
  );
  await one();
  await two();
  await one.close();
  expect(two.current).toBeUndefined();
  await database.drop();
});
