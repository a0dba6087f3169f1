import { MikroORM } from '@mikro-orm/core';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createDatabase, describeDriver, onServer, PORTS, type DatabaseConfig } from '../support/databases.js';
import { createGraph, importLibrary } from '../support/graphs.js';
import { createProxy } from '../support/proxy.js';
import type { OrmSingletonOptions } from '../../src/index.js';

let library: Awaited<ReturnType<typeof importLibrary>>;
beforeAll(async () => {
  library = await importLibrary();
});

for (const name of ['postgresql', 'mariadb'] as const) {
  await describeDriver(name, () => {
    /** A primary and a replica that lags behind for good: it has one user, `old`, of which the primary knows nothing. */
    async function open(options: OrmSingletonOptions = {}) {
      const [primary, replica] = [await createDatabase(name), await createDatabase(name)];
      onTestFinished(() => primary.drop());
      onTestFinished(() => replica.drop());
      const migrated = await createGraph(replica.config, library);
      const once = migrated.createOrmSingleton(migrated.config, { migrate: true, name: String(replica.config.dbName) });
      await once();
      await once.close();
      await onServer(replica.config, "insert into users (email, name) values ('old', 'old')");
      const proxy = await createProxy(PORTS[name]);
      onTestFinished(() => proxy.cut());
      const logger = vi.fn();
      const graph = await createGraph(
        {
          ...primary.config,
          pool: { min: 0, max: 2 },
          replicas: [{ dbName: replica.config.dbName!, port: proxy.port, host: '127.0.0.1' }],
          logger,
        } as DatabaseConfig,
        library,
      );
      const orm = graph.createOrmSingleton(graph.config, {
        migrate: true,
        name: String(primary.config.dbName),
        ...options,
      });
      onTestFinished(() => orm.close());
      const opened = await orm();
      return { graph, orm, opened, proxy, logger, warnings: () => logger.mock.calls.flat().join('\n') };
    }

    test('a unit of work that has written reads from the primary, however it has written and reads', async () => {
      const { graph, orm, opened } = await open();
      const { User } = graph;
      const names = async (em: typeof opened.em) => (await em.find(User, {})).map(user => user.name);

      expect(await names(opened.em.fork()), 'one that only reads asks the replica').toEqual(['old']);
      const writes: [string, (em: typeof opened.em) => Promise<unknown>][] = [
        ['flush', async em => (em.create(User, { email: 'flush', name: 'flush' }), em.flush())],
        ['insert', em => em.insert(User, { email: 'insert', name: 'insert' })],
        ['upsert', em => em.upsert(User, { email: 'upsert', name: 'upsert' })],
        ['transaction', em => em.transactional(inner => inner.insert(User, { email: 'trx', name: 'transaction' }))],
        [
          'begin',
          async em => {
            await em.begin();
            await em.insert(User, { email: 'begin', name: 'begin' });
            await em.commit();
          },
        ],
        ['raw', em => em.getConnection().execute("insert into users (email, name) values ('raw', 'raw')")],
        [
          'qb',
          em =>
            (em as unknown as { qb(entity: unknown): { insert(data: object): { execute(): Promise<unknown> } } })
              .qb(User)
              .insert({ email: 'qb', name: 'qb' })
              .execute(),
        ],
      ];
      const ways: [string, <T>(work: (em: typeof opened.em) => Promise<T>) => Promise<T>][] = [
        ['context', work => graph.withRequestContext(orm, em => work(em))],
        ['global em in a context', work => graph.withRequestContext(orm, () => work(opened.em))],
        [
          'openEm',
          async work => {
            const { em, end } = await graph.openEm(orm);
            return work(em).finally(end);
          },
        ],
        ['fork', work => work(opened.em.fork())],
      ];
      for (const [way, within] of ways) {
        for (const [kind, write] of writes) {
          await within(async em => {
            expect(await names(em), `${way}, ${kind}: before`).toEqual(['old']);
            await write(em);
            em.clear();
            expect(await names(em), `${way}, ${kind}`).toContain(kind);
            expect(await em.count(User, { name: kind }), `${way}, ${kind}: count`).toBe(1);
            expect((await em.findOne(User, { name: kind }))?.name, `${way}, ${kind}: findOne`).toBe(kind);
            em.clear();
            expect(await em.find(User, {}, { connectionType: 'read' }), `${way}, ${kind}: asked for`).toHaveLength(1);
          });
          await opened.em.fork().nativeDelete(User, {});
        }
      }
      await graph.withRequestContext(orm, async em => {
        await em.insert(User, { email: 'next', name: 'next' });
        expect(await names(em.fork()), 'a fork is another unit of work').toEqual(['old']);
      });
      expect(await names(opened.em.fork()), 'so is the next request').toEqual(['old']);
    });

    test('without it, all reads go to the replicas, as with plain MikroORM', async () => {
      const { graph, opened } = await open({ readYourWrites: false });
      const em = opened.em.fork();
      await em.insert(graph.User, { email: 'a', name: 'a' });
      expect((await em.find(graph.User, {})).map(user => user.name)).toEqual(['old']);
      const plain = new MikroORM(graph.config as DatabaseConfig) as MikroORM;
      onTestFinished(() => plain.close());
      expect(await plain.em.fork().count(graph.User)).toBe(1);
    });

    test('the primary serves the reads of a replica that is away, which is said once, until it is back', async () => {
      const { graph, orm, opened, proxy, warnings } = await open({ pool: { connectTimeout: 300, validateAfter: 0 } });
      await opened.em.fork().insert(graph.User, { email: 'new', name: 'new' });
      const read = () => graph.withRequestContext(orm, async em => (await em.find(graph.User, {}))[0]?.name);
      expect(await read()).toBe('old');
      await proxy.cut();
      await expect.poll(() => proxy.open).toBe(0);
      expect(await Promise.all(Array.from({ length: 8 }, read))).toEqual(Array.from({ length: 8 }, () => 'new'));
      expect(warnings().match(/A replica of .* \(read 0\) cannot be reached/g)).toHaveLength(1);
      expect((await orm.check()).ok).toBe(true);
      await proxy.restore();
      await expect.poll(read, { timeout: 20_000 }).toBe('old');
    });

    test('a replica that has gone silent takes nothing with it', async () => {
      const { graph, orm, opened, proxy } = await open({
        pool: { connectTimeout: 300, validateAfter: 0, validateTimeout: 300 },
      });
      await opened.em.fork().insert(graph.User, { email: 'new', name: 'new' });
      const read = () => graph.withRequestContext(orm, async em => (await em.find(graph.User, {}))[0]?.name);
      expect(await read()).toBe('old');
      proxy.silence({ fresh: true });
      expect(await Promise.all(Array.from({ length: 8 }, read))).toEqual(Array.from({ length: 8 }, () => 'new'));
    });
  });
}
