import { copyFile, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { MikroORM } from '@mikro-orm/core';
import { expect, test } from 'vitest';
import { createDatabase, describeDriver, killConnections } from '../support/databases.js';
import { createGraph } from '../support/graphs.js';
import { createProxy } from '../support/proxy.js';

const PORTS = { postgresql: 5432, mariadb: 3306 };

for (const name of ['postgresql', 'mariadb'] as const) {
  await describeDriver(name, () => {
    test('a server that goes away and comes back: 503 meanwhile, and no restart', async () => {
      const database = await createDatabase(name);
      const server = await createProxy(PORTS[name]);
      const graph = await createGraph({ ...database.config, port: server.port, pool: { min: 0, max: 4 } });
      const orm = graph.createOrmSingleton(graph.config, { migrate: true });
      const request = () =>
        graph
          .withRequestContext(orm, em => em.count(graph.User))
          .then(
            () => 200,
            (error: unknown) => graph.mapOrmError(error, { orm })?.status,
          );
      try {
        expect(await request()).toBe(200);
        const inTransaction = (await orm()).em.fork().transactional(async em => {
          await em.count(graph.User);
          await server.cut();
          await em.count(graph.User);
        });
        expect(graph.mapOrmError(await inTransaction.catch((error: unknown) => error), { orm })?.status).toBe(503);
        expect(await Promise.all(Array.from({ length: 8 }, request))).toEqual(Array.from({ length: 8 }, () => 503));
        expect(await orm.check()).toMatchObject({ ok: false, database: { reason: 'database-unavailable' } });
        await server.restore();
        expect(await Promise.all(Array.from({ length: 8 }, request))).toEqual(Array.from({ length: 8 }, () => 200));
        expect((await orm.check()).ok).toBe(true);
      } finally {
        await orm.close();
        await server.cut();
        await database.drop();
      }
    });

    test('a server that is still starting is waited for', async () => {
      const database = await createDatabase(name);
      const server = await createProxy(PORTS[name]);
      await server.cut();
      const graph = await createGraph({ ...database.config, port: server.port });
      const impatient = graph.createOrmSingleton(graph.config, { connect: { attempts: 2, delay: 10 } });
      expect(graph.mapOrmError(await impatient().catch((error: unknown) => error))?.status).toBe(503);
      const orm = graph.createOrmSingleton(graph.config, { migrate: true, connect: { attempts: 10, delay: 100 } });
      const opening = orm();
      await sleep(500);
      await server.restore();
      expect(await (await opening).em.fork().count(graph.User)).toBe(0);
      await orm.close();
      await server.cut();
      await database.drop();
    });

    test('connections that an administrator ends', async () => {
      const database = await createDatabase(name);
      const graph = await createGraph({ ...database.config, pool: { min: 0, max: 2 } });
      const orm = graph.createOrmSingleton(graph.config, { migrate: true });
      const count = async () => (await orm()).em.fork().count(graph.User);
      await Promise.all([count(), count(), count()]);
      expect(await killConnections(name, database.config)).toBeGreaterThan(0);
      await sleep(50);
      expect(await Promise.all([count(), count(), count()])).toEqual([0, 0, 0]);
      await orm.close();
      await database.drop();
    });
  });
}

for (const name of ['sqlite', 'libsql'] as const) {
  await describeDriver(name, () => {
    test('a file that another one replaces, while a plain ORM goes on with the old one', async () => {
      const database = await createDatabase(name);
      const file = database.config.dbName!;
      const graph = await createGraph(database.config);
      const orm = graph.createOrmSingleton(graph.config, { migrate: true });
      const { em } = await orm();
      await copyFile(file, `${file}.backup`);
      await em.fork().insert(graph.User, { email: 'late@example.com', name: 'Late' });
      const { User } = await createGraph(database.config);
      const plain = new MikroORM({ ...database.config, entities: [User] });
      expect([await em.fork().count(graph.User), await plain.em.fork().count(User)]).toEqual([1, 1]);

      await rename(`${file}.backup`, file);
      await sleep(1_100);
      expect([await em.fork().count(graph.User), await plain.em.fork().count(User)]).toEqual([0, 1]);
      await em.fork().insert(graph.User, { email: 'new@example.com', name: 'New' });
      expect(await em.fork().count(graph.User)).toBe(1);

      // as long as the old write-ahead log lies beside the new file, opening that would write the one into the other
      await em.fork().getConnection().execute('pragma journal_mode = wal');
      await copyFile(file, `${file}.backup`);
      await em.fork().insert(graph.User, { email: 'log@example.com', name: 'Log' });
      expect((await stat(`${file}-wal`)).size).toBeGreaterThan(0);
      await rename(`${file}.backup`, file);
      await sleep(1_100);
      expect(await em.fork().count(graph.User), 'the old file, with its log').toBe(2);
      await rm(`${file}-wal`);
      await rm(`${file}-shm`);
      await sleep(1_100);
      expect(await em.fork().count(graph.User), 'the new file').toBe(1);

      await rm(file);
      await sleep(1_100);
      expect(await em.fork().count(graph.User), 'nothing took its place').toBe(1);
      await plain.close();
      await orm.close();
      await database.drop();
    });
  });
}
