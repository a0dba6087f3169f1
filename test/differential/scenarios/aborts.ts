import type { InflightQueryAbortStrategy } from '@mikro-orm/core';
import type { Scenario } from '../support/compare.js';
import { EMBEDDED, POOL, SERVERS, createGate, failure, until, type Side } from '../support/side.js';

const STRATEGIES: InflightQueryAbortStrategy[] = ['ignore query', 'cancel query', 'kill session'];

/** Long enough to be seen running; a query that is ignored goes on until then. */
const SECONDS = 0.4;
const sleeping = ({ driver }: Side) =>
  driver === 'postgresql' ? `select pg_sleep(${SECONDS})` : `select sleep(${SECONDS})`;

/** Waits until the server runs that query. */
async function isSleeping(side: Side): Promise<void> {
  const running =
    side.driver === 'postgresql'
      ? `select count(*) as n from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%' and state = 'active'`
      : `select count(*) as n from information_schema.processlist where db = database() and info like 'select sleep%'`;
  await until(async () => {
    const [row] = await side.other.em.fork().execute<{ n: unknown }[]>(running);
    return Number(row!.n) > 0;
  });
}

/**
 * Uses each idle connection once: pg learns of one that the server has ended only then, and a transaction that begins on it
 * is lost to plain MikroORM, with its slot.
 */
async function useAll(side: Side, strategy: InflightQueryAbortStrategy): Promise<void> {
  if (side.driver === 'postgresql' && strategy === 'kill session') {
    // the order to end it is under way
    await until(async () => {
      const [row] = await side.other.em
        .fork()
        .execute<{ n: unknown }[]>(
          `select count(*) as n from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%'`,
        )
        .catch(() => [{ n: 1 }]);
      return Number(row!.n) === 0;
    });
  }
  for (let i = 0; i < 3; i++) {
    await Promise.all(Array.from({ length: POOL }, () => failure(side.orm.em.fork().execute('select 1'))));
  }
}

/** An error, and no words: they hold what the driver says. */
const isError = (outcome: unknown): unknown => (outcome as { error?: unknown }).error ?? outcome;

export const aborts: Scenario[] = [
  ...STRATEGIES.flatMap((inflightQueryAbortStrategy): Scenario[] => [
    {
      name: `${inflightQueryAbortStrategy}: a query is aborted while it runs`,
      drivers: SERVERS,
      async run(side) {
        const abort = new AbortController();
        const em = side.orm.em.fork({ signal: abort.signal, inflightQueryAbortStrategy });
        const outcome = failure(em.execute(sleeping(side)));
        await isSleeping(side);
        abort.abort();
        const ended = await outcome;
        await useAll(side, inflightQueryAbortStrategy);
        return isError(ended);
      },
    },
    {
      name: `${inflightQueryAbortStrategy}: a query of a transaction is aborted while it runs`,
      // plain MikroORM hangs on a transaction of MySQL whose session is gone
      drivers: inflightQueryAbortStrategy === 'kill session' ? ['postgresql'] : SERVERS,
      plainLosesConnection: inflightQueryAbortStrategy === 'kill session',
      async run(side) {
        const abort = new AbortController();
        const outcome = failure(
          side.orm.em.fork().transactional(
            async em => {
              await em.execute(`insert into author (id, name) values (6, 'aborted')`);
              await em.execute(sleeping(side));
            },
            { signal: abort.signal, inflightQueryAbortStrategy },
          ),
        );
        await isSleeping(side);
        abort.abort();
        const ended = await outcome;
        await useAll(side, inflightQueryAbortStrategy);
        return isError(ended);
      },
    },
  ]),
  {
    name: 'a query of an aborted request does not run',
    async run(side) {
      const em = side.orm.em.fork({ signal: AbortSignal.abort() });
      return isError(await failure(em.execute(`insert into author (id, name) values (6, 'no')`)));
    },
  },
  {
    name: 'a transaction of an aborted request does not run',
    run: side =>
      failure(
        side.orm.em.fork().transactional(em => em.execute(`insert into author (id, name) values (6, 'no')`), {
          signal: AbortSignal.abort(),
        }),
      ).then(isError),
  },
  {
    name: 'a query is aborted while it waits for a connection',
    async run(side) {
      const size = EMBEDDED.includes(side.driver) ? 1 : POOL;
      const [full, left] = [createGate(), createGate()];
      let holding = 0;
      const holders = Array.from({ length: size }, () =>
        side.other.em.fork().transactional(async em => {
          await em.execute('select 1');
          if (++holding === size) full.open();
          await left.opened;
        }),
      );
      await full.opened;
      const abort = new AbortController();
      const em = side.orm.em.fork({ signal: abort.signal });
      const outcome = failure(em.execute(`insert into author (id, name) values (6, 'no')`));
      await new Promise(resolve => setImmediate(resolve));
      abort.abort();
      left.open();
      await Promise.all(holders);
      return isError(await outcome);
    },
  },
  {
    name: 'the stream of an aborted request ends',
    drivers: ['sqlite', 'libsql', 'postgresql', 'mariadb', 'mysql'],
    async run(side) {
      const abort = new AbortController();
      const em = side.orm.em.fork({ signal: abort.signal });
      let seen = 0;
      const outcome = await failure(async () => {
        for await (const _author of em.stream(side.Author, { orderBy: { id: 1 }, chunkSize: 1 } as never)) {
          seen++;
          abort.abort();
        }
      });
      return [seen > 0, isError(outcome)];
    },
  },
  {
    name: 'a flush is aborted: nothing of it stays',
    async run(side) {
      const abort = new AbortController();
      const em = side.orm.em.fork({ signal: abort.signal });
      em.create(side.Author, { id: 6, name: 'no' });
      abort.abort();
      return isError(await failure(em.flush()));
    },
  },
];
