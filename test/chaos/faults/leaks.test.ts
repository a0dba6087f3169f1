import { describeServer } from '../../support/servers.js';
import { expect, test } from 'vitest';
import { until } from '../../support/processes.js';
import { REQUESTS } from './app-process.js';
import type { Outcome } from './app.js';
import { DRIVERS, end, POOL, withApp, type Stage } from './scenario.js';
import { testScenarios } from './suite.js';

/** What an app leaks holds its connection for ever: nothing but the answers can be right. */
const LEAKED = { pool: 4, stays: true, ok: 0, expected: { all: undefined, slots: '0/4' } };
const LONG_ROWS = 2_000;

async function streamsWhile({ app }: Stage, happens: () => unknown): Promise<Outcome[]> {
  const streams = app.requests('stream', POOL);
  await app.holding(POOL);
  await happens();
  await app.tell({ do: 'go' });
  return streams;
}

await testScenarios([
  {
    name: '4 leaked transactions, pool of 4',
    ...LEAKED,
    async run({ app }) {
      await app.tell({ do: 'leak', count: 4, what: 'transaction' });
      return app.requests('mixed');
    },
    handWritten: { hung: REQUESTS },
  },
  {
    name: '4 leaked streams, pool of 4',
    ...LEAKED,
    async run({ app }) {
      await app.tell({ do: 'leak', count: 4, what: 'stream' });
      return app.requests('mixed');
    },
    handWritten: { hung: REQUESTS },
  },
  {
    name: 'connections die during em.stream',
    longRows: LONG_ROWS,
    run: stage => streamsWhile(stage, stage.killBackends), // some may have all that they need
  },
  {
    name: 'connections go silent during em.stream',
    longRows: LONG_ROWS,
    run: stage => streamsWhile(stage, () => stage.proxy.silence()),
    ok: 0,
    handWritten: { hung: POOL },
  },
  {
    name: 'the signal kills the session',
    run: ({ app }) => app.requests('aborted'),
    ok: 0,
  },
  {
    name: 'queryTimeout',
    run: ({ app }) => app.requests('slow'),
    options: { queryTimeout: 500, acquireTimeout: 20_000 },
    ok: 0,
    expected: { why: `${REQUESTS}× query-timeout` },
  },
]);

for (const driver of DRIVERS) {
  await describeServer(driver, () => {
    test.concurrent('nothing of a transaction is left that failed by queryTimeout', { timeout: 60_000 }, () =>
      withApp({ options: { queryTimeout: 1_000 } }, driver, 'ours', async stage => {
        const outcomes = await stage.app.requests('insert', POOL);
        expect(outcomes.map(({ why }) => why)).toEqual(Array.from({ length: POOL }, () => 'query-timeout'));
        // the connections' next users commit, and their commits must not be those of the transactions before
        await stage.app.requests('write');
        await stage.app.requests('write');
        await expectNoRowLeft(stage);
        expect(await stage.app.tell({ do: 'slots', of: POOL, limit: 5_000 })).toBe(POOL);
        expect(await end(stage, outcomes)).toMatchObject({ unhandled: 0, exits: true });
      }),
    );

    test.concurrent('check() in silence answers in its time', { timeout: 60_000 }, () =>
      withApp({}, driver, 'ours', async stage => {
        const { app, proxy } = stage;
        proxy.silence({ fresh: true });
        const quick = await app.tell<Checked>({ do: 'check', timeout: 700 });
        expect(quick).toMatchObject({ result: 'ok', health: { ok: false, database: { ok: false } } });
        expect(quick.at).toBeLessThan(700 + SLACK);
        const usual = await app.tell<Checked>({ do: 'check' });
        expect(usual).toMatchObject({ result: 'ok', health: { ok: false, database: { ok: false } } });
        expect(usual.at).toBeLessThan(5_000 + SLACK);
        proxy.resume();
        await until(async () => (await app.tell<Checked>({ do: 'check' })).health?.ok === true, 'the check is good');
        expect(await end(stage, [])).toMatchObject({ unhandled: 0, exits: true });
      }),
    );

    test.concurrent('check() of a pool whose connections are leaked is database-overloaded', { timeout: 60_000 }, () =>
      withApp({ pool: 4 }, driver, 'ours', async ({ app }) => {
        await app.tell({ do: 'leak', count: 4, what: 'transaction' });
        const checked = await app.tell<Checked>({ do: 'check', timeout: 700 });
        expect(checked).toMatchObject({ health: { ok: false, database: { reason: 'database-overloaded' } } });
        expect(checked.at).toBeLessThan(700 + SLACK);
      }),
    );

    test.concurrent('close({ drain }) in silence ends in its time, and so does the process', { timeout: 60_000 }, () =>
      withApp({ options: { queryTimeout: false } }, driver, 'ours', async stage => {
        const { app, proxy } = stage;
        const requests = app.requests('held', POOL).catch(() => undefined);
        await app.holding(POOL);
        proxy.silence({ fresh: true });
        await app.tell({ do: 'go' });
        const ended = await end(stage, [], 5_000);
        expect(ended).toMatchObject({ unhandled: 0, exits: true, close: expect.any(Number) });
        expect(ended.close).toBeLessThan(5_000 + SLACK);
        await requests;
      }),
    );
  });
}

/** What a busy machine adds, in ms. */
const SLACK = 3_000;

interface Checked extends Outcome {
  health?: { ok: boolean };
}

/** The statements that were given up have ended on the server, too, and nothing of them was committed. */
async function expectNoRowLeft({ app, sql }: Stage): Promise<void> {
  const running =
    app.driver === 'postgresql'
      ? `select count(*) as count from pg_stat_activity where datname = current_database() and query like '%sleep%' and state <> 'idle' and pid <> pg_backend_pid()`
      : `select count(*) as count from information_schema.processlist where db = database() and info like '%sleep%' and id <> connection_id()`;
  const read = async (text: string): Promise<number> =>
    Number((await sql<{ count: string | number }[]>(text))[0]!.count);
  await until(async () => (await read(running)) === 0, 'the statements have ended');
  await app.requests('write');
  expect(await read('select count(*) as count from accounts where id >= 1000')).toBe(0);
}
