import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/databases.js';
import { createGraph } from '../support/graphs.js';

// nothing else in a test's process listens for it
const SIGNAL = 'SIGUSR2';
const databases: TestDatabase[] = [];
afterEach(async () => {
  expect(process.listenerCount(SIGNAL), 'listeners that a test left').toBe(0);
  await Promise.all(databases.splice(0).map(database => database.drop()));
});

async function newDatabase(): Promise<TestDatabase> {
  const database = await createDatabase('sqlite');
  databases.push(database);
  return database;
}

const signal = () => process.kill(process.pid, SIGNAL);
const untilRemoved = () => vi.waitFor(() => expect(process.listenerCount(SIGNAL)).toBe(0), 10_000);

test('sixty reloads and several module graphs: one listener, which drains, and closes the name in all of them', async () => {
  const warnings: Error[] = [];
  const keep = (warning: Error) => warnings.push(warning);
  process.on('warning', keep);
  const { config } = await newDatabase();
  const graphs = await Promise.all([createGraph(config), createGraph(config)]);
  const orms: ReturnType<(typeof graphs)[number]['createOrmSingleton']>[] = [];
  for (let reload = 0; reload < 30; reload++) {
    for (const graph of graphs) {
      const orm = graph.createOrmSingleton(graph.config, { name: 'close-on reloads' });
      orm.closeOn([SIGNAL, SIGNAL], { drain: 60_000 });
      orms.push(orm);
    }
  }
  expect(process.listenerCount(SIGNAL)).toBe(1);
  await orms[0]!();
  await orms.at(-1)!();
  const unit = await graphs[0]!.openEm(orms[0]!);
  signal();
  await vi.waitFor(async () => expect((await orms[0]!.check()).ok).toBe(false));
  signal(); // npm and a terminal may both pass one on
  expect(await unit.em.getConnection().execute('select 1 as one')).toEqual([{ one: 1 }]);
  expect(orms[0]!.current).toBeDefined();
  unit.end();
  await untilRemoved();
  for (const orm of orms) {
    await expect(orm()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
  }
  await new Promise(setImmediate);
  expect(warnings.filter(({ name }) => name === 'MaxListenersExceededWarning')).toEqual([]);
  process.off('warning', keep);
});

test('two databases are two', async () => {
  const { createOrmSingleton, config } = await createGraph((await newDatabase()).config);
  const other = await createGraph((await newDatabase()).config);
  const first = createOrmSingleton(config, { name: 'close-on 1' });
  const second = other.createOrmSingleton(other.config, { name: 'close-on 2' });
  first.closeOn([SIGNAL]);
  second.closeOn([SIGNAL]);
  await Promise.all([first(), second()]);
  signal();
  await untilRemoved();
  await expect(first()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
  await expect(second()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
});

test('configs that are functions, whose names are known late, are told apart all the same', async () => {
  const graph = await createGraph((await newDatabase()).config);
  const other = await createGraph((await newDatabase()).config);
  const first = graph.createOrmSingleton(async () => ({ ...graph.config, contextName: 'close-on 3' }));
  const second = other.createOrmSingleton(async () => ({ ...other.config, contextName: 'close-on 4' }));
  first.closeOn([SIGNAL]);
  second.closeOn([SIGNAL]);
  await Promise.all([first(), second()]);
  signal();
  await untilRemoved();
  await expect(first()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
  await expect(second()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
});

test('after a signal, a new singleton registers anew', async () => {
  const { createOrmSingleton, config } = await createGraph((await newDatabase()).config);
  for (let run = 0; run < 2; run++) {
    const orm = createOrmSingleton(config, { name: 'close-on again' });
    orm.closeOn([SIGNAL]);
    await orm();
    signal();
    await untilRemoved();
    await expect(orm()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
  }
});

test('what is no list of signals, or no time, is refused', async () => {
  const { createOrmSingleton, config } = await createGraph((await newDatabase()).config);
  const orm = createOrmSingleton(config, { name: 'close-on refused' });
  for (const signals of [[], 'SIGTERM', ['term'], ['SIGTERM', 'SIGKILL']]) {
    expect(() => orm.closeOn(signals as never), String(signals)).toThrow(/closeOn .*(list of signals|SIGKILL)/);
  }
  expect(() => orm.closeOn([SIGNAL], { drain: -1 })).toThrow(/drain/);
});

test('it leaves exiting to what serves: a request under way is answered, then the process ends', async () => {
  const { config } = await newDatabase();
  const code = `
    import { createServer } from 'node:http';
    import { SqliteDriver } from '@mikro-orm/sqlite';
    import { createOrmSingleton, openEm } from 'mikro-orm-web';
    const orm = createOrmSingleton({ driver: SqliteDriver, dbName: ${JSON.stringify(config.dbName)}, entities: [], discovery: { warnWhenNoEntities: false } });
    orm.closeOn(['SIGTERM'], { drain: 60_000 });
    await orm();
    const server = createServer(async (req, res) => {
      const { em, end } = await openEm(orm);
      res.once('close', end);
      res.write('began');
      process.once('SIGTERM', () => setTimeout(async () => {
        const rows = await em.getConnection().execute('select 1 as one');
        res.end(JSON.stringify(rows));
      }, 200));
    });
    server.listen(0, '127.0.0.1', () => console.log(server.address().port));
    process.once('SIGTERM', () => server.close());
    process.on('exit', code => console.log('exit', code));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: resolve(import.meta.dirname, '../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await vi.waitFor(() => expect(output).toMatch(/\d+\n/), 20_000);
  const response = await fetch(`http://127.0.0.1:${parseInt(output)}`, { headers: { connection: 'close' } });
  child.kill('SIGTERM');
  expect(await response.text()).toBe('began[{"one":1}]');
  expect(await exited).toEqual([0, null]);
});
