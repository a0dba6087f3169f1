import { fork } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/processes.js';
import type { Command, Kind, Outcome, Settings } from './app.js';

/** How many requests come at once. */
export const REQUESTS = 32;

/** An app that runs, and what it runs on. */
export interface App {
  readonly driver: Settings['driver'];
  readonly mode: Settings['mode'];
  readonly pid: number;
  tell<T = unknown>(command: Command): Promise<T>;
  requests(kind: Kind, count?: number): Promise<Outcome[]>;
  /** By HTTP. */
  fetch(kind: Kind, count?: number): Promise<Outcome[]>;
  /** Resolves once so many units of work hold a connection in the middle of their work. */
  holding(count: number): Promise<void>;
  exited(limit: number): Promise<boolean>;
  kill(): Promise<unknown>;
}

export async function startApp(settings: Settings): Promise<App> {
  const child = fork(resolve(import.meta.dirname, 'app.ts'), [JSON.stringify(settings)], {
    env: { ...process.env, NODE_ENV: 'production' },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const answers = new Map<number, PromiseWithResolvers<unknown>>();
  let [id, held, port] = [0, 0, 0];
  child.on('message', (message: { id?: number; event?: string; port?: number; value?: unknown; error?: string }) => {
    if (message.event === 'ready') {
      port = message.port!;
    } else if (message.event === 'holds') {
      held++;
    } else if (message.error === undefined) {
      answers.get(message.id!)?.resolve(message.value);
    } else {
      answers.get(message.id!)?.reject(new Error(message.error));
    }
  });
  const exit = once(child, 'exit').then(() => {
    for (const answer of answers.values()) answer.reject(new Error('the app has ended'));
    return true;
  });
  const tell = <T>(command: Command): Promise<T> => {
    const answer = Promise.withResolvers<unknown>();
    answers.set(++id, answer);
    child.send({ id, command });
    return answer.promise as Promise<T>;
  };
  await until(() => port !== 0 || child.exitCode !== null, 'the app starts');
  return {
    driver: settings.driver,
    mode: settings.mode,
    pid: child.pid!,
    tell,
    requests: (kind, count = REQUESTS) => tell({ do: 'requests', count, kind }),
    fetch: (kind, count = REQUESTS) =>
      Promise.all(Array.from({ length: count }, () => fetchOutcome(`http://127.0.0.1:${port}/?kind=${kind}`))),
    holding: async count => {
      await until(() => held >= count, `${count} units of work hold a connection`);
    },
    exited: limit => Promise.race([exit, sleep(limit, false)]),
    kill: () => (child.kill('SIGKILL'), exit),
  };
}

const fetchOutcome = (url: string): Promise<Outcome> =>
  new Promise((done, fail) => {
    get(url, { agent: false }, async response => {
      let body = '';
      for await (const chunk of response) body += String(chunk);
      done(JSON.parse(body) as Outcome);
    }).once('error', fail);
  });
