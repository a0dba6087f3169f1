import { describeServer } from '../../support/servers.js';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, type TestContext } from 'vitest';
import { killConnections } from '../../support/databases.js';
import { freeze, thaw, until } from '../../support/processes.js';
import { createProxy } from '../../support/proxy.js';
import { createAccounts } from './accounts.js';
import { REQUESTS } from './app-process.js';
import type { FunctionSettings } from './function.js';
import { DRIVERS, LIMITS, PATIENT, POOL, type Driver } from './scenario.js';

/** When the timer of a function is due, in ms: after it was frozen. */
const TIMER = 1_000;

/** What starts a function, and gives it work: 32 requests by HTTP, or an event with 32 records. */
type Start = (settings: FunctionSettings, context: TestContext) => Promise<[ChildProcess, () => Promise<string[]>]>;

const start = (settings: FunctionSettings, { onTestFinished }: TestContext): ChildProcess => {
  const child = fork(resolve(import.meta.dirname, 'function.ts'), [JSON.stringify(settings)], {
    env: { ...process.env, NODE_ENV: 'production' },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
};

/** Resolves with the next message that has this key. */
const messageOf = <T>(child: ChildProcess, key: string): Promise<T> =>
  new Promise((done, fail) => {
    child.on('message', (message: Record<string, T>) => key in message && done(message[key]!));
    child.once('exit', code => fail(new Error(`the function has ended with ${code}`)));
  });

const PLATFORMS: Record<FunctionSettings['platform'], Start> = {
  async vercel(settings, context) {
    const child = start(settings, context);
    const port = await messageOf<number>(child, 'port');
    const fetchOne = (): Promise<string> =>
      new Promise((done, fail) => {
        get(`http://127.0.0.1:${port}/`, { agent: false }, async response => {
          let body = '';
          for await (const chunk of response) body += String(chunk);
          done(body);
        }).once('error', fail);
      });
    return [child, () => Promise.all(Array.from({ length: REQUESTS }, fetchOne))];
  },

  async lambda(settings, context) {
    let asks: ServerResponse | undefined;
    let answered: (answer: string[]) => void = () => undefined;
    const runtime = createServer(async (incoming, response) => {
      if (incoming.url!.endsWith('/next')) {
        asks = response;
        return;
      }
      let body = '';
      for await (const chunk of incoming) body += String(chunk);
      response.statusCode = 202;
      response.end();
      answered(JSON.parse(body) as string[]);
    });
    await once(runtime.listen(0, '127.0.0.1'), 'listening');
    context.onTestFinished(() => void runtime.close());
    const child = start({ ...settings, runtime: (runtime.address() as AddressInfo).port }, context);
    const invoke = async (): Promise<string[]> => {
      const answer = new Promise<string[]>(done => (answered = done));
      await until(() => asks !== undefined, 'the function asks for its next event');
      const event = JSON.stringify({ Records: Array.from({ length: REQUESTS }, (_, i) => ({ messageId: String(i) })) });
      asks!.setHeader('lambda-runtime-aws-request-id', 'an-event').end(event);
      asks = undefined;
      return answer;
    };
    await until(() => asks !== undefined, 'the function has started');
    return [child, invoke];
  },
};

/** A function that has answered, and has open connections to its database. */
async function prepare(platform: FunctionSettings['platform'], driver: Driver, context: TestContext) {
  const database = await createAccounts(driver, undefined);
  const proxy = await createProxy(database.config.port!);
  context.onTestFinished(async () => {
    await proxy.cut();
    await database.drop();
  });
  const { driver: _, ...config } = { ...database.config, port: proxy.port, pool: { min: 0, max: POOL } };
  const [child, invoke] = await PLATFORMS[platform](
    { platform, driver, config, options: { ...LIMITS, ...PATIENT } },
    context,
  );
  expect(await invoke()).toEqual(ALL_OK);
  expect(proxy.open).toBe(POOL);
  const endConnections = {
    'has ended its connections': async (): Promise<void> => {
      await killConnections(driver, database.config);
      await until(() => proxy.upstream === 0, 'the connections have ended');
    },
    'has silent connections': async (): Promise<void> => proxy.silence(),
  };
  return { child, pid: child.pid!, invoke, endConnections };
}

const ALL_OK = Array.from({ length: REQUESTS }, () => 'ok');

for (const driver of DRIVERS) {
  await describeServer(driver, () => {
    for (const platform of ['vercel', 'lambda'] as const) {
      for (const happens of ['has ended its connections', 'has silent connections'] as const) {
        const title = `${platform}: a frozen function that ${happens}`;

        test.concurrent(`${title} serves the first requests`, { timeout: 60_000 }, async context => {
          const { pid, invoke, endConnections } = await prepare(platform, driver, context);
          await freeze(pid);
          const invoked = platform === 'vercel' ? invoke() : undefined; // by a request that waits
          await endConnections[happens]();
          await sleep(2 * LIMITS.validateAfter); // frozen for longer than a connection may be idle
          thaw(pid);
          expect(await (invoked ?? invoke())).toEqual(ALL_OK);
          expect(await invoke()).toEqual(ALL_OK);
        });

        test.concurrent(`${title} does the work of its timer`, { timeout: 60_000 }, async context => {
          const { child, pid, invoke, endConnections } = await prepare(platform, driver, context);
          const [armed, done] = [messageOf(child, 'armed'), messageOf<string[]>(child, 'done')];
          child.send({ timer: TIMER, count: REQUESTS });
          await armed;
          await freeze(pid);
          await endConnections[happens]();
          await sleep(TIMER); // it is due when the function thaws
          thaw(pid);
          expect(await done).toEqual(ALL_OK);
          expect(await invoke()).toEqual(ALL_OK);
        });
      }
    }
  });
}
