// An app as a process of its own, on this library or by the hand-written pattern of the guides: one `MikroORM.init`, and a
// `RequestContext` for each request. Does what messages tell, and answers requests by HTTP, too.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  defineEntity,
  MikroORM,
  p,
  RequestContext,
  type EntityManager,
  type IDatabaseDriver,
  type Options,
} from '@mikro-orm/core';
import { createOrmSingleton, mapOrmError, withRequestContext, type OrmSingletonOptions } from '../../../dist/index.js';

export interface Settings {
  mode: 'ours' | 'hand-written';
  driver: 'postgresql' | 'mariadb';
  config: object;
  /** Our `pool` option. */
  options: PoolOptions;
  /** A request that takes longer hangs. In ms. */
  hangAfter: number;
}
export type PoolOptions = NonNullable<OrmSingletonOptions['pool']>;
export type Kind = 'mixed' | 'read' | 'write' | 'held' | 'slow' | 'stream' | 'insert' | 'aborted';
export interface Outcome {
  result: 'ok' | 'mapped' | 'unmapped' | 'hung';
  /** Of ours: the code of the problem; else what the error says. */
  why?: string | undefined;
  /** Ms since the wave began. */
  at: number;
}
export type Command =
  | { do: 'open' | 'unhandled' | 'go' }
  | { do: 'slots'; of: number; limit: number }
  | { do: 'requests'; count: number; kind: Kind; frozen?: boolean }
  | { do: 'leak'; count: number; what: 'transaction' | 'stream' }
  | { do: 'check'; timeout?: number }
  | { do: 'close'; drain: number; limit: number };

const settings = JSON.parse(process.argv[2]!) as Settings;
const isOurs = settings.mode === 'ours';

const AccountSchema = defineEntity({
  name: 'Account',
  tableName: 'accounts',
  properties: { id: p.integer().primary().autoincrement(false), balance: p.integer() },
});
class Account extends AccountSchema.class {}
AccountSchema.setClass(Account);
/** Many, and long: a server cannot have sent all of them before the first is read. */
const LineSchema = defineEntity({
  name: 'Line',
  tableName: 'long_rows',
  properties: { id: p.integer().primary().autoincrement(false), text: p.text() },
});
class Line extends LineSchema.class {}
LineSchema.setClass(Line);
const LINES = 2_000;

const unhandled: string[] = [];
const note = (error: unknown): void => void unhandled.push(error instanceof Error ? error.message : String(error));
process.on('unhandledRejection', note).on('uncaughtException', note);

const { PostgreSqlDriver, MariaDbDriver } = {
  ...(settings.driver === 'postgresql' ? await import('@mikro-orm/postgresql') : {}),
  ...(settings.driver === 'mariadb' ? await import('@mikro-orm/mariadb') : {}),
} as Record<string, Options<IDatabaseDriver>['driver']>;
const config = {
  ...settings.config,
  driver: PostgreSqlDriver ?? MariaDbDriver,
  entities: [Account, Line],
  allowGlobalContext: true,
  logger: () => undefined,
} as unknown as Options<IDatabaseDriver>;

const singleton = createOrmSingleton(config, { pool: settings.options });
let initialized: MikroORM | undefined;

const tables = { postgresql: { sleep: 'select pg_sleep(?)' }, mariadb: { sleep: 'select sleep(?)' } }[settings.driver];
/** Lets units of work go on that are held. */
let letGo: () => void = () => undefined;

/** What a request does. Each gets a number. */
const WORKS: Record<Exclude<Kind, 'mixed'>, (em: EntityManager, i: number, gone: Promise<void>) => Promise<unknown>> = {
  read: (em, i) => em.findOneOrFail(Account, { id: i % 32 }),
  write: (em, i) =>
    em.transactional(async tx => {
      const account = await tx.findOneOrFail(Account, { id: i % 32 });
      account.balance++;
      await tx.flush();
    }),
  /** Holds its connection between two statements, until `go`. */
  held: (em, i, gone) =>
    em.transactional(async tx => {
      const account = await tx.findOneOrFail(Account, { id: i % 32 });
      process.send?.({ event: 'holds' });
      await gone;
      account.balance++;
      await tx.flush();
    }),
  /** Is in the middle of a statement for a while. */
  slow: em => em.getConnection().execute(tables.sleep, [1]),
  /** A statement that is slow within a transaction that has written: whoever gets an error must find nothing of it. */
  insert: (em, i) =>
    em.transactional(async tx => {
      tx.create(Account, { id: 1_000 + i, balance: 0 });
      await tx.flush();
      await tx.getConnection().execute(tables.sleep, [4], 'all', tx.getTransactionContext());
    }),
  stream: async (em, _, gone) => {
    let rows = 0;
    for await (const line of em.stream(Line)) {
      if (line.id >= 0 && rows++ === 0) {
        process.send?.({ event: 'holds' });
        await gone;
      }
    }
    if (rows !== LINES) {
      throw new Error(`the stream ended after ${rows} rows`);
    }
  },
  /** Cancelled by its signal, with the session. */
  aborted: em => {
    const abort = { signal: AbortSignal.timeout(100), inflightQueryAbortStrategy: 'kill session' };
    const { execute } = em.getConnection() as unknown as { execute(...args: unknown[]): Promise<unknown> };
    return execute.call(em.getConnection(), tables.sleep, [30], 'all', undefined, abort);
  },
};

function request(kind: Kind, i: number, gone = Promise.resolve()): Promise<unknown> {
  const work = WORKS[kind === 'mixed' ? (i % 2 === 0 ? 'read' : 'write') : kind];
  return isOurs
    ? withRequestContext(singleton, em => work(em, i, gone))
    : RequestContext.create(initialized!.em, () => work(initialized!.em, i, gone));
}

/** What comes of a promise, within the limit. */
async function outcomeOf(working: Promise<unknown>, limit = settings.hangAfter): Promise<Outcome> {
  const started = performance.now();
  const after = (): number => Math.round(performance.now() - started);
  const controller = new AbortController();
  const hangs = sleep(limit, 'hung' as const, { signal: controller.signal }).catch(() => undefined);
  try {
    const result = (await Promise.race([working.then(() => 'ok' as const), hangs])) ?? 'hung';
    return { result, at: after() };
  } catch (error) {
    const problem = isOurs ? mapOrmError(error, { orm: singleton }) : undefined;
    const isAnswer = problem !== undefined && [499, 503, 504].includes(problem.status);
    const message = String((error as Error).message ?? error).split('\n')[0]!;
    return { result: isAnswer ? 'mapped' : 'unmapped', why: problem?.code ?? message, at: after() };
  } finally {
    controller.abort();
  }
}

function wave(count: number, kind: Kind): Promise<Outcome[]> {
  const gone = new Promise<void>(done => (letGo = done));
  return Promise.all(Array.from({ length: count }, (_, i) => outcomeOf(request(kind, i, gone))));
}

/** How many units of work can hold a connection at the same time. */
async function countSlots(of: number, limit: number): Promise<number> {
  const { promise: end, resolve } = Promise.withResolvers<void>();
  let held = 0;
  const work = async (em: EntityManager): Promise<void> => {
    await em.transactional(async tx => {
      await tx.count(Account);
      if (++held === of) {
        resolve();
      }
      await end;
    });
  };
  const works = Array.from({ length: of }, () =>
    isOurs ? withRequestContext(singleton, work) : RequestContext.create(initialized!.em, () => work(initialized!.em)),
  );
  await outcomeOf(Promise.race([end, Promise.all(works)]), limit);
  resolve();
  await outcomeOf(Promise.allSettled(works), 1_000);
  return held;
}

async function leak(count: number, what: 'transaction' | 'stream'): Promise<void> {
  const em = isOurs ? (await singleton()).em : initialized!.em;
  const opened = Array.from({ length: count }, async () => {
    const fork = em.fork();
    if (what === 'transaction') {
      await fork.begin();
      await fork.count(Account);
    } else {
      await fork.stream(Account)[Symbol.asyncIterator]().next();
    }
    forgotten.push(fork);
  });
  await Promise.all(opened);
}
/** Else the garbage collector could find them. */
const forgotten: unknown[] = [];

const close = (drain: number): Promise<void> =>
  isOurs ? singleton.close({ drain }) : (initialized?.close() ?? Promise.resolve());

const check = (timeout: number | undefined): Promise<unknown> =>
  isOurs ? singleton.check(timeout === undefined ? {} : { timeout }) : initialized!.isConnected();

async function obey(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'open':
      return outcomeOf(
        isOurs
          ? singleton()
          : MikroORM.init(config).then(async orm => {
              initialized = orm;
              await orm.em.fork().count(Account);
            }),
      );
    case 'requests':
      if (!command.frozen) {
        return wave(command.count, command.kind);
      }
      // stops itself in the callback of a timer: once it goes on, nothing has read yet what came to its sockets
      return new Promise(done =>
        setTimeout(() => {
          process.kill(process.pid, 'SIGSTOP');
          done(wave(command.count, command.kind));
        }),
      );
    case 'go':
      return letGo();
    case 'slots':
      return countSlots(command.of, command.limit);
    case 'leak':
      return leak(command.count, command.what);
    case 'check': {
      const checking = check(command.timeout);
      const outcome = await outcomeOf(checking);
      return { ...outcome, health: outcome.result === 'ok' ? await checking : undefined };
    }
    case 'unhandled':
      return unhandled;
    case 'close': {
      const closing = await outcomeOf(close(command.drain), command.limit);
      // from here on nothing but the app's own leftovers keeps the process
      http.close();
      setImmediate(() => process.disconnect());
      return closing;
    }
  }
}

let requests = 0;
const http = createServer(async (incoming, response) => {
  const kind = new URL(incoming.url!, 'http://app').searchParams.get('kind') as Kind;
  const outcome = await outcomeOf(request(kind, requests++));
  response.setHeader('connection', 'close').end(JSON.stringify(outcome));
});
http.listen(0, '127.0.0.1', 128, () => {
  process.on('message', async ({ id, command }: { id: number; command: Command }) => {
    const answer = await obey(command).then(
      value => ({ value }),
      (error: unknown) => ({ error: String((error as Error)?.stack ?? error) }),
    );
    process.send?.({ id, ...answer });
  });
  process.send?.({ event: 'ready', port: (http.address() as AddressInfo).port });
});
