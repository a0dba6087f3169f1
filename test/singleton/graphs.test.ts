import { cp, mkdir, realpath, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MikroORM, wrap } from '@mikro-orm/core';
import { expect, onTestFinished, test } from 'vitest';
import { createDatabase, describeDriver, DRIVERS, type DatabaseConfig } from '../support/databases.js';
import { createGraph } from '../support/graphs.js';

let names = 0;
const nextName = (): string => `graphs ${names++}`;

/** What `work` gives, or 'hangs'. */
function limited<T>(work: Promise<T>): Promise<T | 'hangs'> {
  let timer: NodeJS.Timeout;
  return Promise.race([work, new Promise<'hangs'>(done => (timer = setTimeout(done, 15_000, 'hangs')))]).finally(() =>
    clearTimeout(timer),
  );
}

for (const driver of ['sqlite', 'libsql', 'postgresql', 'mariadb', 'mysql'] as const) {
  await describeDriver(driver, () => {
    const size = driver === 'sqlite' || driver === 'libsql' ? 1 : 2;

    /** Two graphs, one of which holds all connections until it is told to leave. */
    async function openFull() {
      const database = await createDatabase(driver);
      onTestFinished(() => database.drop());
      const config = { ...database.config, pool: { max: size } } as DatabaseConfig;
      const graphs = await Promise.all([createGraph(config), createGraph(config)]);
      const name = nextName();
      const orms = graphs.map(graph => graph.createOrmSingleton(graph.config, { name, migrate: true }));
      const opened = await Promise.all(orms.map(orm => orm()));
      let leave!: () => void;
      const left = new Promise<void>(done => (leave = done));
      let holding = 0;
      let full!: () => void;
      const filled = new Promise<void>(done => (full = done));
      const holders = Array.from({ length: size }, () =>
        opened[0]!.em
          .fork()
          .transactional(async em => {
            await em.count(graphs[0]!.User);
            if (++holding === size) full();
            await left;
          })
          .catch((error: unknown) => error),
      );
      await filled;
      return { graphs, orms, opened, leave, holders };
    }

    test('who waits for a connection when the name is closed gets OrmClosedError, of its own graph’s class', async () => {
      const { graphs, orms, opened, leave, holders } = await openFull();
      const [, second] = graphs;
      const waiting = Array.from({ length: 6 }, () =>
        opened[1]!.em
          .fork()
          .find(second!.User, {})
          .catch((error: unknown) => error),
      );
      await new Promise(done => setImmediate(done));
      const closing = orms[0]!.close();
      const errors = await limited(Promise.all(waiting));
      leave();
      await limited(Promise.all(holders));
      await limited(closing);
      expect(errors, 'none is left waiting').not.toBe('hangs');
      for (const error of errors as unknown[]) {
        expect(error).toMatchObject({ name: 'OrmClosedError', code: 'ORM_CLOSED' });
        expect(error).toBeInstanceOf(second!.OrmClosedError);
      }
    });
  });
}

for (const driver of DRIVERS) {
  await describeDriver(driver, () => {
    test('after a start that migrates, entity classes belong to the ORM that is handed out', async () => {
      const database = await createDatabase(driver);
      onTestFinished(() => database.drop());
      const graph = await createGraph(database.config);
      const orm = graph.createOrmSingleton(graph.config, { name: nextName(), migrate: true });
      onTestFinished(() => orm.close());
      const opened = (await orm()) as MikroORM;
      const { User } = graph;
      expect((User.prototype as unknown as { __meta: unknown }).__meta).toBe(opened.getMetadata(User));
      const user = opened.em.fork().create(User, { email: 'a@example.com', name: 'A' });
      const helper = wrap(user, true) as unknown as { __config: unknown; __meta: unknown };
      expect(helper.__config).toBe(opened.config);
      expect(helper.__meta).toBe(opened.getMetadata(User));
    });
  });
}

test('a driver on another copy of @mikro-orm/core is refused, with both paths', async () => {
  // node_modules may be a link
  const packages = await realpath(resolve(import.meta.dirname, '../../node_modules/@mikro-orm'));
  // below the repository, so that what they need is found
  const folder = resolve(import.meta.dirname, `../.tmp/graphs/core-${process.pid}-${Date.now()}`);
  const copies = join(folder, 'node_modules/@mikro-orm');
  await mkdir(copies, { recursive: true });
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of ['core', 'sql', 'sqlite']) {
    await cp(join(packages, name), join(copies, name), { recursive: true });
  }
  const other = (await import(/* @vite-ignore */ pathToFileURL(join(copies, 'sqlite/index.js')).href)) as {
    SqliteDriver: never;
  };
  const graph = await createGraph({ driver: other.SqliteDriver, dbName: ':memory:' } as DatabaseConfig);
  const orm = graph.createOrmSingleton(graph.config, { name: nextName() });
  onTestFinished(() => orm.close().catch(() => undefined));
  const error: unknown = await orm().catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'ORM_CONFIG' });
  expect((error as Error).message).toContain(join(copies, 'core'));
  expect((error as Error).message).toContain(join(packages, 'core'));
});
