import { createServer, request as httpRequest, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createDatabase, describeDriver, onServer } from '../support/databases.js';
import { createGraph } from '../support/graphs.js';

type Graph = Awaited<ReturnType<typeof createGraph>>;
type Orm = ReturnType<Graph['createOrmSingleton']>;

/** Status, and whether the answer came to its end. */
interface Answer {
  status: number;
  complete: boolean;
  lines: number;
}

function get(server: Server, path: string): Promise<Answer> {
  const { port } = server.address() as { port: number };
  return new Promise((done, fail) => {
    httpRequest({ port, path, host: '127.0.0.1', agent: false }, response => {
      let text = '';
      response.on('data', chunk => (text += chunk));
      response.on('close', () =>
        done({ status: response.statusCode!, complete: response.complete, lines: text.split('\n').length - 1 }),
      );
    })
      .on('error', fail)
      .end();
  });
}

/** An app whose answers stream for a while, with a query for each line; each request lands in one of its graphs. */
async function listen(graphs: readonly (readonly [Graph, Orm])[]): Promise<Server> {
  let count = 0;
  const server = createServer((_, response) => {
    const [graph, orm] = graphs[count++ % graphs.length]!;
    graph
      .withRequestContext(orm, async em => {
        for (let line = 0; line < 10; line++) {
          const users = await em.fork().count(graph.User);
          response.write(`${users}\n`);
          // longer than a pause that lets close() think that all is done
          await sleep(60);
        }
        response.end();
      })
      .catch((error: unknown) => {
        response.statusCode = graph.mapOrmError(error)?.status ?? 500;
        response.end();
      });
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return server;
}

for (const name of ['sqlite', 'postgresql', 'mariadb'] as const) {
  await describeDriver(name, () => {
    test('close({ drain }) under load cuts nothing, then every graph refuses and the pool stays closed', async () => {
      const database = await createDatabase(name);
      const graphs = await Promise.all([0, 1, 2].map(() => createGraph(database.config)));
      const apps = graphs.map(
        graph => [graph, graph.createOrmSingleton(graph.config, { migrate: true, name: 'drained' })] as const,
      );
      await Promise.all(apps.map(([, orm]) => orm()));
      const [[graph, orm], [, other]] = apps as [(typeof apps)[0], (typeof apps)[0]];
      const held = (await orm()).em.fork();
      const server = await listen(apps);

      const running = Array.from({ length: 50 }, () => get(server, '/'));
      await sleep(200);
      const started = performance.now();
      const first = orm.close({ drain: 20_000 });
      const second = other.close({ drain: 1 });
      expect((await other.check()).ok, 'not ready any more, while it still serves').toBe(false);
      const late = Array.from({ length: 10 }, () => get(server, '/'));
      const answers = await Promise.all([...running, ...late]);
      expect(new Set(answers.map(answer => JSON.stringify(answer)))).toEqual(
        new Set([JSON.stringify({ status: 200, complete: true, lines: 10 })]),
      );
      await first;
      await second;
      expect(performance.now() - started, 'as soon as it is idle').toBeLessThan(15_000);

      expect((await Promise.all(apps.map(() => get(server, '/')))).map(({ status }) => status)).toEqual([
        503, 503, 503,
      ]);
      await expect(held.count(graph.User)).rejects.toMatchObject({ code: 'ORM_CLOSED' });
      if (name === 'postgresql') {
        const backends = async () => {
          const [row] = await onServer<{ count: string }[]>(
            { ...database.config, dbName: 'postgres' },
            `select count(*) from pg_stat_activity where datname = '${database.config.dbName}'`,
          );
          return Number(row!.count);
        };
        await expect.poll(backends, { timeout: 15_000 }).toBe(0); // a backend ends after its client
      }
      await new Promise(done => server.close(done));
      await database.drop();
    }, 60_000);

    test('when the time is up, what still runs gets an error that maps to 503', async () => {
      const database = await createDatabase(name);
      const app = await createGraph(database.config);
      const orm = app.createOrmSingleton(app.config, { migrate: true, name: 'cut' });
      const counted = Promise.withResolvers<void>();
      const slow = app
        .withRequestContext(orm, async em => {
          await em.count(app.User);
          counted.resolve();
          await sleep(600);
          return em.count(app.User);
        })
        .catch((thrown: unknown) => thrown);
      await Promise.race([counted.promise, slow]);
      await orm.close({ drain: 200 });
      const error = await slow;
      expect(app.mapOrmError(error)).toMatchObject({ status: 503, code: 'database-unavailable' });
      await database.drop();
    });
  });
}
