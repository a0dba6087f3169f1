import { raw, type MikroORM } from '@mikro-orm/core';
import { join } from 'node:path';
import { onServer } from '../../support/databases.js';
import { EVERY, isMysql, isSqlite, MYSQL, SERVERS, type Condition, type Lab, type Ways } from './condition.js';
import { Team } from './schema.js';
import { createUser } from './users.js';
import { only } from './ways.js';

/** A query that takes ten seconds, if nobody stops it. */
const SLEEP = { mysql: 'sleep(10)', postgresql: 'pg_sleep(10)::text' };
const sleepOf = (lab: Lab): string => SLEEP[isMysql(lab.driver) ? 'mysql' : 'postgresql'];

const slow = (lab: Lab, orm: MikroORM, signal?: AbortSignal): Ways => {
  const abort = signal && { signal, inflightQueryAbortStrategy: 'cancel query' as const };
  return {
    find: () => orm.em.fork({ ...abort }).find(Team, { [raw(sleepOf(lab))]: '' }),
    'raw SQL': () =>
      lab
        .em(orm)
        .getConnection()
        .execute(`select ${sleepOf(lab)}`, [], 'all', undefined, abort as object),
  };
};

/** Each first use of an ORM: by the ORM, of a transaction (which MikroORM does not convert), of kysely, of SQL. */
const uses = (lab: Lab, open: () => MikroORM): Ways => ({
  find: () => lab.em(open()).find(Team, {}),
  begin: () => lab.em(open()).begin(),
  transactional: () =>
    open()
      .em.fork()
      .transactional(async () => undefined),
  'raw kysely': async () => {
    const orm = open();
    await orm.connect();
    return lab
      .em(orm)
      .getKysely<never>()
      .selectFrom('teams' as never)
      .execute();
  },
  'raw SQL': () => lab.em(open()).getConnection().execute('select 1'),
});

/** Calls `act` once the server says that the session runs its slow query. */
async function onceSlow(lab: Lab, id: number, act: () => Promise<unknown>): Promise<void> {
  const running = isMysql(lab.driver)
    ? `select id from information_schema.processlist where id = ${id} and info like '%sleep(10)%'`
    : `select pid from pg_stat_activity where pid = ${id} and state = 'active' and query like '%sleep(10)%'`;
  for (let tries = 0; tries < 500 && ((await lab.run(running)) as unknown[]).length === 0; tries++) {
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  await act();
}

async function sessionOf(lab: Lab, orm: MikroORM): Promise<number> {
  const [row] = (await lab.run(
    isMysql(lab.driver) ? 'select connection_id() as id' : 'select pg_backend_pid() as id',
    orm.em,
  )) as { id: number }[];
  return Number(row?.id);
}

const one = { min: 0, max: 1 };

export const connections: Condition[] = [
  {
    name: 'statement timeout',
    on: SERVERS,
    expected: { status: 504, code: 'query-timeout', retryable: false },
    ways: async lab => {
      const orm = lab.open({ pool: one });
      await lab.run(isMysql(lab.driver) ? 'set max_statement_time = 0.02' : "set statement_timeout = '20ms'", orm.em);
      return slow(lab, orm);
    },
  },
  {
    name: 'cancel by AbortSignal',
    on: EVERY,
    expected: { status: 499, code: 'request-cancelled', retryable: false },
    ways: lab => {
      const before = AbortSignal.abort();
      const early: Ways = {
        'find, aborted before': () => lab.orm.em.fork({ signal: before }).find(Team, {}),
        'raw SQL, aborted before': () =>
          lab
            .em()
            .getConnection()
            .execute('select 1', [], 'all', undefined, { signal: before } as object),
      };
      const inFlight = (way: 'find' | 'raw SQL') => async () => {
        const leaving = new AbortController();
        const orm = lab.open({ pool: one });
        const id = await sessionOf(lab, orm);
        const query = slow(lab, orm, leaving.signal)[way]!();
        await Promise.all([query, onceSlow(lab, id, async () => leaving.abort())]);
      };
      return SERVERS.includes(lab.driver)
        ? { ...early, find: inFlight('find'), 'raw SQL': inFlight('raw SQL') }
        : early;
    },
  },
  {
    name: 'killed connection',
    on: SERVERS,
    expected: { status: 503, code: 'database-unavailable', retryable: false, retryAfter: 5 },
    ways: lab => {
      const killed = (way: 'find' | 'raw SQL') => async () => {
        const orm = lab.open({ pool: one });
        const id = await sessionOf(lab, orm);
        const kill = () => lab.run(isMysql(lab.driver) ? `kill ${id}` : `select pg_terminate_backend(${id})`);
        await Promise.all([slow(lab, orm)[way]!(), onceSlow(lab, id, kill)]);
      };
      return { find: killed('find'), 'raw SQL': killed('raw SQL') };
    },
  },
  {
    name: 'connection refused',
    on: ['libsql', ...SERVERS],
    expected: { status: 503, code: 'database-unavailable', retryable: false, retryAfter: 5 },
    ways: lab => uses(lab, () => lab.open(lab.driver === 'libsql' ? { dbName: 'http://127.0.0.1:1' } : { port: 1 })),
  },
  {
    name: 'wrong password',
    on: MYSQL,
    expected: { status: 503, code: 'database-unavailable', retryable: false },
    ways: async lab => {
      const user = await createUser(lab);
      return uses(lab, () => lab.open({ user, password: 'wrong' }));
    },
  },
  {
    name: 'unknown user',
    on: SERVERS,
    expected: { status: 503, code: 'database-unavailable', retryable: false },
    ways: lab => uses(lab, () => lab.open({ user: 'mow_nobody', password: 'x' })),
  },
  {
    name: 'unknown database',
    on: EVERY,
    expected: driver => ({
      status: 503,
      code: 'database-unavailable',
      retryable: false,
      ...(driver === 'pglite' && { retryAfter: 5 }), // ENOENT, which also a socket says whose server is not up yet
    }),
    ways: lab => {
      if (lab.driver === 'pglite') {
        // not converted it is an error of the file system, like those of the application
        return only(
          uses(lab, () => lab.open({ dbName: '/proc/none', driverOptions: {} })),
          'find',
        );
      }
      const dbName = String(lab.config.dbName);
      return uses(lab, () =>
        lab.open({ dbName: isSqlite(lab.driver) ? join(dbName, 'none', 'test.db') : `${dbName}_no` }),
      );
    },
  },
  {
    // 55000 of PostgreSQL: a restore is under way, or somebody closed it
    name: 'database without connections',
    on: ['postgresql'],
    expected: { status: 503, code: 'database-unavailable', retryable: false, retryAfter: 5 },
    ways: async lab => {
      const closed = `${lab.config.dbName}_closed`;
      await onServer(lab.config, `create database ${closed} allow_connections false`);
      lab.later(() => onServer(lab.config, `drop database ${closed}`));
      return uses(lab, () => lab.open({ dbName: closed }));
    },
  },
  {
    name: 'too many connections',
    on: SERVERS,
    expected: { status: 503, code: 'database-overloaded', retryable: true, retryAfter: 1 },
    ways: async lab => {
      const limit = isMysql(lab.driver) ? 'with max_user_connections 1' : 'connection limit 1';
      const user = await createUser(lab, limit);
      const settings = { user, password: 'right' };
      const holder = lab.em(lab.open(settings));
      await holder.begin();
      lab.later(() => holder.rollback());
      return uses(lab, () => lab.open(settings));
    },
  },
  {
    name: 'pool exhausted',
    on: SERVERS,
    expected: { status: 503, code: 'database-overloaded', retryable: true, retryAfter: 1 },
    ways: async lab => {
      const pools: { options: { connectionTimeoutMillis?: number } }[] = [];
      const driverOptions = isMysql(lab.driver)
        ? { waitForConnections: false }
        : { onPoolCreated: (pool: (typeof pools)[0]) => pools.push(pool) };
      const orm = lab.open({ pool: one, driverOptions });
      const holder = lab.em(orm);
      await holder.begin();
      lab.later(() => holder.rollback());
      for (const { options } of pools) {
        options.connectionTimeoutMillis = 20; // not earlier: the first connection may take its time
      }
      return uses(lab, () => orm);
    },
  },
];
