import { until } from '../../support/processes.js';
import { startServer } from '../../support/servers.js';
import { createAccounts, fill } from './accounts.js';
import { REQUESTS } from './app-process.js';
import type { Outcome } from './app.js';
import { POOL, type Stage } from './scenario.js';
import { testScenarios } from './suite.js';

/** Requests of which some are in the middle of a transaction when something happens. */
async function requestsWhile({ app }: Stage, happens: () => Promise<void>): Promise<Outcome[]> {
  const requests = app.requests('held');
  await app.holding(POOL);
  await happens();
  await app.tell({ do: 'go' });
  return requests;
}

/** The server's sessions hear of it one after the other. */
async function becomeReadOnly({ app, server }: Stage): Promise<void> {
  await server.setReadOnly(true);
  await until(
    async () => (await app.requests('write', POOL)).every(({ result }) => result !== 'ok'),
    'nobody can write any more',
  );
}

/** Gives back what `fill` has taken. */
const empty = new WeakMap<Stage, () => Promise<void>>();

await testScenarios([
  {
    name: 'restart',
    ownServer: true,
    run: stage => requestsWhile(stage, stage.server.stop),
    heal: ({ server }) => server.start(),
    ok: 0,
  },
  {
    name: 'SIGKILL',
    ownServer: true,
    run: stage => requestsWhile(stage, stage.server.kill),
    heal: ({ server }) => server.start(),
    ok: 0,
  },
  {
    name: 'frozen server',
    ownServer: true,
    run: stage => requestsWhile(stage, stage.server.freeze),
    heal: ({ server }) => server.thaw(),
    ok: 0,
    handWritten: { hung: REQUESTS },
  },
  {
    name: 'full server',
    ownServer: true,
    cold: true,
    async run(stage) {
      empty.set(stage, await fill(stage.config));
      const { app } = stage;
      return app.mode === 'ours' ? app.requests('mixed') : [await app.tell({ do: 'open' })];
    },
    async heal(stage) {
      await empty.get(stage)!();
      if (stage.app.mode === 'hand-written') {
        await stage.app.tell({ do: 'open' });
      }
    },
    ok: 0,
  },
  {
    name: 'read-only server',
    ownServer: true,
    async run(stage) {
      await becomeReadOnly(stage);
      return stage.app.requests('mixed');
    },
    heal: ({ server }) => server.setReadOnly(false),
    ok: REQUESTS / 2, // those that only read
  },
  {
    name: 'failover, the old primary stays readable',
    ownServer: true,
    async run(stage) {
      const { app } = stage;
      const promoted = await startServer(app.driver);
      stage.later(promoted.remove);
      await createAccounts(app.driver, promoted);
      await becomeReadOnly(stage);
      stage.proxy.retarget(promoted.port);
      return app.requests('write');
    },
    afterwards: 'write',
  },
]);
