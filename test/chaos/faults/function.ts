// A serverless function as a process of its own: one ORM at module scope, and a handler. On Vercel an instance gets requests by
// HTTP, many at once; on Lambda it asks the runtime for its next event, a batch from a queue here. Both platforms freeze it
// when it has answered.

import { createServer, get, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defineEntity, p, type IDatabaseDriver, type Options } from '@mikro-orm/core';
import { createOrmSingleton, mapOrmError, withRequestContext, type OrmSingletonOptions } from '../../../dist/index.js';

export interface FunctionSettings {
  platform: 'vercel' | 'lambda';
  driver: 'postgresql' | 'mariadb';
  config: object;
  options: NonNullable<OrmSingletonOptions['pool']>;
  /** Of Lambda: where the runtime's API listens. */
  runtime?: number;
}

const { platform, driver, config, options, runtime } = JSON.parse(process.argv[2]!) as FunctionSettings;

const AccountSchema = defineEntity({
  name: 'Account',
  tableName: 'accounts',
  properties: { id: p.integer().primary().autoincrement(false), balance: p.integer() },
});
class Account extends AccountSchema.class {}
AccountSchema.setClass(Account);

const { PostgreSqlDriver, MariaDbDriver } = {
  ...(driver === 'postgresql' ? await import('@mikro-orm/postgresql') : {}),
  ...(driver === 'mariadb' ? await import('@mikro-orm/mariadb') : {}),
} as Record<string, Options<IDatabaseDriver>['driver']>;
const orm = createOrmSingleton(
  { ...config, driver: PostgreSqlDriver ?? MariaDbDriver, entities: [Account], logger: () => undefined } as never,
  { pool: options },
);

/** Answers `ok`, or what the client would get. */
const handle = (id: number): Promise<string> =>
  withRequestContext(orm, async em => {
    await em.transactional(async tx => {
      const account = await tx.findOneOrFail(Account, { id: id % 32 });
      account.balance++;
    });
    return 'ok';
  }).catch((error: unknown) => mapOrmError(error, { orm })?.code ?? String(error));

const handleAll = (count: number): Promise<string[]> => Promise.all(Array.from({ length: count }, (_, i) => handle(i)));

// work that the function does by a timer, which may be due when it thaws
process.on('message', ({ timer, count }: { timer: number; count: number }) => {
  setTimeout(async () => process.send?.({ done: await handleAll(count) }), timer);
  process.send?.({ armed: true });
});

if (platform === 'vercel') {
  let requests = 0;
  const server = createServer(async (_, response) => {
    response.setHeader('connection', 'close').end(await handle(requests++));
  });
  server.listen(0, '127.0.0.1', 128, () => process.send?.({ port: (server.address() as AddressInfo).port }));
} else {
  const api = `http://127.0.0.1:${runtime}/2018-06-01/runtime/invocation`;
  for (;;) {
    const [id, event] = await new Promise<[string, { Records: unknown[] }]>((done, fail) => {
      get(`${api}/next`, { agent: false }, async response => {
        let body = '';
        for await (const chunk of response) body += String(chunk);
        done([String(response.headers['lambda-runtime-aws-request-id']), JSON.parse(body)]);
      }).once('error', fail);
    });
    const answer = JSON.stringify(await handleAll(event.Records.length));
    await new Promise<void>((done, fail) => {
      request(`${api}/${id}/response`, { method: 'POST', agent: false }, response =>
        response.resume().once('end', done),
      )
        .once('error', fail)
        .end(answer);
    });
  }
}
