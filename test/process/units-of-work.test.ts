import { describe, expect, onTestFinished, test } from 'vitest';
import * as library from '../../src/index.js';
import { createDatabase, describeDriver, type DriverName } from '../support/databases.js';
import { createGraph } from '../support/graphs.js';
import { listen } from '../support/messages.js';

async function open(driver: DriverName, pool: library.PoolOptions, environment = 'development') {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = environment;
  onTestFinished(() => void (process.env['NODE_ENV'] = before));
  const database = await createDatabase(driver);
  onTestFinished(() => database.drop());
  const warnings: string[] = [];
  const config = { ...database.config, colors: false, logger: (text: string) => void warnings.push(text) };
  const graph = await createGraph({ ...config, pool: { min: 0, max: 1 } } as typeof config, library);
  const name = `units ${Math.random()}`;
  const orm = graph.createOrmSingleton(graph.config, { name, pool, migrate: true });
  onTestFinished(() => orm.close());
  await orm();
  return { graph, orm, name, warnings };
}

describe('a unit of work that is open for longer than leakAfter', () => {
  test('is warned of once, with the stack of what opened it, and told on the channel', async () => {
    const { orm, name, warnings } = await open('sqlite', { leakAfter: 50 });
    const leaked = listen('unitOfWorkLeaked', name);
    async function forgetful() {
      return library.openEm(orm);
    }
    const request = await forgetful();
    await expect.poll(() => warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      new RegExp(`A unit of work of "${name}" has been open for \\d+ ms.*at forgetful .*units-of-work.test.ts`),
    );
    expect(leaked).toEqual([{ name, age: expect.any(Number), stack: expect.stringMatching(/^ {4}at .*/) }]);
    expect(leaked[0]!.age).toBeGreaterThanOrEqual(50);
    // a later one is told, too: by then, the first would have been told again
    const second = await library.openEm(orm);
    await expect.poll(() => warnings).toHaveLength(2);
    expect(leaked).toHaveLength(2);
    request.end();
    second.end();
    expect(orm.stats().unitsOfWork).toBe(0);
  });

  test('one that ends in time is not', async () => {
    const { orm, warnings } = await open('sqlite', { leakAfter: 50 });
    (await library.openEm(orm)).end();
    await library.withRequestContext(orm, () => undefined);
    const last = await library.openEm(orm);
    await expect.poll(() => warnings).toHaveLength(1);
    last.end();
    expect(warnings[0]).not.toContain('withRequestContext');
  });

  test('in production nothing is looked for, unless it is asked for', async () => {
    const { orm } = await open('sqlite', {}, 'production');
    let captured = 0;
    const capture = Error.captureStackTrace;
    Error.captureStackTrace = (...args) => {
      captured++;
      capture(...args);
    };
    onTestFinished(() => void (Error.captureStackTrace = capture));
    await library.withRequestContext(orm, em => em.getConnection().execute('select 1'));
    expect(captured).toBe(0);
  });
});

for (const driver of ['postgresql', 'mariadb', 'sqlite'] as const) {
  await describeDriver(driver, () => {
    test('a full pool names what has the connections: the oldest borrower, and the oldest unit of work', async () => {
      const { graph, orm, name } = await open(driver, { acquireTimeout: 1_500 });
      const timeouts = listen('connectionTimeout', name);
      async function holdsTheConnection() {
        await graph.withRequestContext(orm, em =>
          em.transactional(async () => {
            const second = graph.withRequestContext(orm, other => other.count(graph.User), { inherit: false });
            const error = await second.catch((thrown: unknown) => thrown as Error);
            expect(error).toMatchObject({ code: 'POOL_TIMEOUT' });
            const { message } = (error as Error).cause as Error;
            expect(message).toMatch(
              /^1 connections are in use \(pool.max: 1\), the oldest for \d+ ms, and 0 borrowers/,
            );
            const [, borrowed, unit] = message.split(/^The oldest /m);
            expect(borrowed).toMatch(
              /^was borrowed\n(?: {4}at .*\n)*?(?: {4}at (?:async )?holdsTheConnection ).*test\.ts/,
            );
            expect(unit).toMatch(
              /^unit of work has been open for \d+ ms\. .*\n(?: {4}at .*\n)*? {4}at (?:async )?holdsTheConnection /,
            );
            expect(library.mapOrmError(error)).toMatchObject({ code: 'database-overloaded' });
          }),
        );
      }
      await holdsTheConnection();
      expect(timeouts).toEqual([{ name, role: 'write', wait: expect.any(Number) }]);
    });

    test('a fork that holds a connection is named as well', async () => {
      const { graph, orm } = await open(driver, { acquireTimeout: 1_500 });
      async function beginsAndForgets() {
        const em = (await orm()).em.fork();
        await em.begin();
        await em.count(graph.User);
        return em;
      }
      const em = await beginsAndForgets();
      const error = await (
        await orm()
      ).em
        .fork()
        .count(graph.User)
        .catch((thrown: unknown) => thrown as Error);
      expect((error as Error).cause).toMatchObject({
        message: expect.stringMatching(/at (?:async )?beginsAndForgets /),
      });
      await em.rollback();
    });
  });
}
