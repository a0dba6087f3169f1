import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect } from 'vitest';
import { startPgBouncer } from '../../support/pgbouncer.js';
import { stateOf, thaw, until } from '../../support/processes.js';
import { commonServer } from './accounts.js';
import { REQUESTS } from './app-process.js';
import type { Outcome } from './app.js';
import { LIMITS, PATIENT, type Stage } from './scenario.js';
import { testScenarios } from './suite.js';

/** Longer than a connection may be idle before it is asked. */
const idle = () => sleep(2 * LIMITS.validateAfter);

/** The app stops in a timer, and its requests are the first that it does when it goes on: before it reads from any socket. */
async function byTimer({ app }: Stage, meanwhile: () => unknown): Promise<Outcome[]> {
  const requests = app.tell<Outcome[]>({ do: 'requests', count: REQUESTS, kind: 'mixed', frozen: true });
  await until(() => stateOf(app.pid) === 'T', 'the app has stopped');
  await idle();
  await meanwhile();
  thaw(app.pid);
  return requests;
}

/** Requests by HTTP wait for the app, beside the ends of its connections. */
async function byHttp({ app, frozen }: Stage, meanwhile: () => unknown): Promise<Outcome[]> {
  let requests: Promise<Outcome[]>;
  await frozen(async () => {
    requests = app.fetch('mixed');
    await idle();
    await meanwhile();
  });
  return requests!;
}

/** The server has ended its connections, and the network has said so. */
async function die({ proxy, killBackends }: Stage): Promise<void> {
  await killBackends();
  await until(() => proxy.upstream === 0, 'the connections have ended');
}

const bouncer = await startPgBouncer({ port: (await commonServer('postgresql')).port });
afterAll(() => bouncer?.stop());
if (!bouncer) {
  expect(process.env['REQUIRE_ALL'], 'PgBouncer is not installed').not.toBe('1');
  console.warn('SKIPPED: PgBouncer is not installed');
}

await testScenarios([
  {
    name: 'thaw by a timer, connections have died',
    run: stage => byTimer(stage, () => die(stage)),
    options: PATIENT,
    ok: REQUESTS,
  },
  {
    name: 'thaw by HTTP, connections have died',
    run: stage => byHttp(stage, () => die(stage)),
    options: PATIENT,
    ok: REQUESTS,
  },
  {
    name: 'thaw by a timer, connections are silent',
    run: stage => byTimer(stage, () => stage.proxy.silence()),
    options: PATIENT,
    ok: REQUESTS,
    handWritten: { hung: REQUESTS },
  },
  {
    name: 'thaw by HTTP, connections are silent',
    run: stage => byHttp(stage, () => stage.proxy.silence()),
    options: PATIENT,
    ok: REQUESTS,
    handWritten: { hung: REQUESTS },
  },
  ...(bouncer === undefined
    ? []
    : [
        {
          name: 'thaw by a timer through PgBouncer, connections are silent',
          drivers: ['postgresql' as const],
          port: bouncer.port,
          run: (stage: Stage) => byTimer(stage, () => stage.proxy.silence()),
          options: PATIENT,
          ok: REQUESTS,
          handWritten: { hung: REQUESTS },
        },
      ]),
]);
