import type { Scenario } from '../support/compare.js';
import { AUTHORS, STREAMING, failure, kyselyOf, type Side } from '../support/side.js';

const rows = (side: Side) => kyselyOf(side.orm.em.fork()).selectFrom('author').select('name').orderBy('id');

/** What a stream has given until it ended or failed. */
async function collect(stream: AsyncIterable<unknown>, stopAfter = Infinity): Promise<unknown> {
  const seen: unknown[] = [];
  const failed = await failure(
    (async () => {
      for await (const row of stream) {
        seen.push((row as { name: unknown }).name);
        if (seen.length === stopAfter) break;
      }
    })(),
  );
  return { seen, failed };
}

const ALL = { seen: AUTHORS, failed: { resolved: undefined } };
const TWO = { seen: AUTHORS.slice(0, 2), failed: { resolved: undefined } };

export const streams: Scenario[] = [
  {
    name: 'a stream of rows is read to its end',
    drivers: STREAMING,
    expected: ALL,
    run: side => collect(rows(side).stream(2)),
  },
  {
    name: 'a stream of entities is read to its end',
    drivers: STREAMING,
    expected: ALL,
    run: side => collect(side.orm.em.fork().stream(side.Author, { orderBy: { id: 1 } })),
  },
  {
    name: 'a stream of rows is left half-way',
    drivers: STREAMING,
    expected: TWO,
    run: side => collect(rows(side).stream(1), 2),
  },
  {
    name: 'a stream of entities is left half-way',
    drivers: STREAMING,
    expected: TWO,
    run: side => collect(side.orm.em.fork().stream(side.Author, { orderBy: { id: 1 }, chunkSize: 1 } as never), 2),
  },
  {
    name: 'many streams are left half-way, one after the other',
    drivers: STREAMING,
    expected: Array.from({ length: 8 }, () => TWO),
    async run(side) {
      const all = [];
      for (let i = 0; i < 8; i++) {
        all.push(await collect(rows(side).stream(1), 2));
      }
      return all;
    },
  },
  {
    name: 'the reader of a stream throws',
    drivers: STREAMING,
    expected: { error: 'RangeError', code: 'enough' },
    run: side =>
      failure(
        (async () => {
          for await (const _row of rows(side).stream(1)) throw new RangeError('enough');
        })(),
      ),
  },
  {
    name: 'a stream is asked for its end before its first row',
    drivers: STREAMING,
    expected: { done: true, value: undefined },
    run: async side => {
      const stream = rows(side).stream(1) as AsyncGenerator<unknown, void>;
      await stream.return();
      return stream.next();
    },
  },
  {
    name: 'a stream of a table that is not there fails',
    drivers: STREAMING,
    run: side => collect(kyselyOf(side.orm.em.fork()).selectFrom('nothing_of_this_name').select('name').stream(1)),
  },
  {
    name: 'a stream fails at its third row',
    drivers: ['postgresql'],
    expected: { seen: [0, 1], failed: { error: 'DatabaseError', code: '22012' } },
    run: side =>
      collect(
        side.orm.driver
          .getConnection()
          .stream('select 1 / (3 - n) as name from generate_series(1, 5) as n', [], undefined, undefined, 1),
      ),
  },
  {
    name: 'a stream within a transaction is left half-way, and the transaction goes on',
    drivers: STREAMING,
    expected: [TWO, 1],
    run: side =>
      side.orm.em.fork().transactional(async em => {
        const part = await collect(kyselyOf(em).selectFrom('author').select('name').orderBy('id').stream(1), 2);
        return [part, await em.nativeUpdate(side.Author, { id: 1 }, { name: 'changed' })];
      }),
  },
  {
    name: 'two streams at once',
    drivers: ['postgresql', 'mariadb', 'mysql'],
    expected: [ALL, TWO],
    run: side => Promise.all([collect(rows(side).stream(1)), collect(rows(side).stream(1), 2)]),
  },
  {
    name: 'streams are refused where the dialect has none',
    drivers: ['pglite'],
    run: side => collect(rows(side).stream(1)),
  },
];
