import { setTimeout as sleep } from 'node:timers/promises';
import { REQUESTS } from './app-process.js';
import { LIMITS, PATIENT, POOL } from './scenario.js';
import { testScenarios } from './suite.js';

/** Longer than a connection may be idle before it is asked. */
const idle = () => sleep(2 * LIMITS.validateAfter);

await testScenarios([
  {
    name: 'old sockets silent, idle pool',
    async run({ app, proxy }) {
      await idle();
      proxy.silence();
      return app.requests('mixed');
    },
    options: PATIENT,
    ok: REQUESTS,
    handWritten: { hung: REQUESTS },
  },
  {
    name: 'old sockets silent, busy pool',
    async run({ app, proxy }) {
      const requests = app.requests('held');
      await app.holding(POOL);
      proxy.silence();
      await app.tell({ do: 'go' });
      return requests;
    },
    handWritten: { hung: REQUESTS },
  },
  {
    name: 'all silent, at the start',
    cold: true,
    async run({ app, proxy }) {
      proxy.silence({ fresh: true });
      return app.mode === 'ours' ? app.requests('mixed') : [await app.tell({ do: 'open' })];
    },
    async heal({ app, proxy }) {
      proxy.resume();
      if (app.mode === 'hand-written') {
        await app.tell({ do: 'open' });
      }
    },
    ok: 0,
  },
  {
    name: 'all silent, while it runs',
    async run({ app, proxy }) {
      await idle();
      proxy.silence({ fresh: true });
      return app.requests('mixed');
    },
    heal: ({ proxy }) => proxy.resume(),
    ok: 0,
    handWritten: { hung: REQUESTS },
  },
  {
    name: 'a stall longer than the limits',
    async run({ app, proxy }) {
      const requests = app.requests('held');
      await app.holding(POOL);
      proxy.stall();
      await app.tell({ do: 'go' });
      return requests;
    },
    heal: ({ proxy }) => proxy.resume(),
    ok: 0,
  },
  {
    name: 'reset, idle pool',
    async run({ app, proxy }) {
      proxy.reset();
      return app.requests('mixed');
    },
  },
  {
    name: 'reset, busy pool',
    async run({ app, proxy }) {
      const requests = app.requests('held');
      await app.holding(POOL);
      proxy.reset();
      await app.tell({ do: 'go' });
      return requests;
    },
  },
  {
    name: 'cut in the middle of a message',
    async run({ app, proxy }) {
      proxy.cutNextAnswer();
      return app.requests('mixed');
    },
  },
  {
    name: 'each packet late by 100 ms',
    async run({ app, proxy }) {
      proxy.delay(100);
      return app.requests('mixed');
    },
    heal: ({ proxy }) => proxy.delay(0),
    options: PATIENT,
    ok: REQUESTS,
  },
]);
