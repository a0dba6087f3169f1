import { createServer, type AddressInfo } from 'node:net';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { MikroORM } from '@mikro-orm/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withMigrationLock } from '../../src/migrations/lock/migration-lock.js';
import { createDatabase, describeDriver, onServer, type DatabaseConfig } from '../support/databases.js';
import { runCli } from '../support/cli.js';

let folder: string;
beforeEach(async ({ task }) => {
  folder = resolve(import.meta.dirname, `../.tmp/status-${process.pid}-${task.id}`);
  await mkdir(folder, { recursive: true });
  const settings = { type: 'module', devDependencies: { '@mikro-orm/cli': '7.2.1' }, 'mikro-orm': { preferTs: false } };
  await writeFile(join(folder, 'package.json'), JSON.stringify(settings));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const writeConfig = (driver: string, settings: object, names: string[], options: object = {}) =>
  writeFile(
    join(folder, 'mikro-orm.config.js'),
    `import { Migration } from '@mikro-orm/migrations';
import { defineConfig } from '@mikro-orm/${driver}';
import { explicitMigrations } from 'mikro-orm-web';
const names = ${JSON.stringify(names)};
const list = Object.fromEntries(names.map(name => [name, class extends Migration {
  up() {
    this.addSql('create table ' + name.toLowerCase() + ' (id integer primary key)');
  }
}]));
export default defineConfig({
  ...${JSON.stringify(settings)},
  entities: [],
  discovery: { warnWhenNoEntities: false },
  ...explicitMigrations(list, { silent: true, snapshot: false, ...${JSON.stringify(options)} }),
});
`,
  );

const run = (...args: string[]) => runCli(folder, ...args);
async function status(...args: string[]): Promise<{ code: number; status: unknown }> {
  const { code, stdout, stderr } = await run('status', '--json', ...args);
  expect(stderr).toBe('');
  return { code, status: JSON.parse(stdout) };
}

test('tells what has run, what is pending, unknown and minified', async () => {
  const dbName = join(folder, 'app.db');
  const free = { held: false };
  await writeConfig('sqlite', { dbName }, ['Migration1', 'Migration2']);
  expect(await status()).toEqual({
    code: 1,
    status: { applied: [], pending: ['Migration1', 'Migration2'], unknown: [], minified: [], lock: free },
  });
  expect(await readdir(folder), 'it creates no file').toEqual(['mikro-orm.config.js', 'package.json']);

  expect((await run('migrate')).code).toBe(0);
  await writeConfig('sqlite', { dbName }, ['Migration2', 'Migration3']);
  expect(await status()).toEqual({
    code: 1,
    status: { applied: ['Migration2'], pending: ['Migration3'], unknown: ['Migration1'], minified: [], lock: free },
  });
  await writeConfig('sqlite', { dbName }, ['Migration2']);
  expect(await status()).toMatchObject({ code: 0, status: { unknown: ['Migration1'], pending: [] } });

  await onServer(
    { driver: SqliteDriver, dbName } as DatabaseConfig,
    `update mikro_orm_migrations set name = 'g' where name = 'Migration1'`,
  );
  expect(await status()).toEqual({
    code: 1,
    status: { applied: ['Migration2'], pending: [], unknown: [], minified: ['g'], lock: free },
  });
  await writeConfig('sqlite', { dbName }, ['Migration1', 'Migration2'], { renamed: { g: 'Migration1' } });
  expect(await status(), 'a run would repair it, and run nothing').toMatchObject({
    code: 1,
    status: { pending: [], minified: ['g'] },
  });
  const { code, stdout } = await run('status');
  expect({ code, stdout }).toEqual({
    code: 1,
    stdout: `Applied (1): Migration2
Pending: none
Unknown: none
Minified (1): g
Lock: free
`,
  });
});

test('exits with 2 where it could not look', async () => {
  await writeConfig('postgresql', { host: '127.0.0.1', port: 1, user: 'postgres', dbName: 'none' }, ['Migration1']);
  expect(await run('status', '--json')).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/ECONNREFUSED/),
  });
  await writeConfig('sqlite', { dbName: 'app.db' }, []);
  expect(await run('status')).toMatchObject({ code: 2, stderr: expect.stringMatching(/no migration to run/) });
  expect(await run('status', 'more')).toMatchObject({ stderr: expect.stringMatching(/^Usage/) });
});

test('a server that says nothing is given up, by each command that looks', async () => {
  const server = createServer(() => undefined);
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await writeConfig('postgresql', { host: '127.0.0.1', port, user: 'postgres', dbName: 'none' }, ['Migration1']);
  const looks = [run('status'), run('doctor'), run('migrate', '--check')];
  for (const { code, stderr } of await Promise.all(looks)) {
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/no answer has come|does not answer/) });
  }
  server.close();
});

for (const name of ['sqlite', 'libsql', 'postgresql', 'mariadb'] as const) {
  await describeDriver(name, () => {
    test('tells the holder of the lock, and leaves it the lock; writes nothing', async () => {
      const database = await createDatabase(name);
      const { driver: _, ...settings } = database.config;
      await writeConfig(name, settings, ['Migration1']);
      await onServer(database.config, 'select 1');
      const before = await status();
      expect(before).toMatchObject({ code: 1, status: { pending: ['Migration1'], lock: { held: false } } });
      const holder = new MikroORM({ ...database.config, entities: [], discovery: { warnWhenNoEntities: false } });
      await withMigrationLock(holder, {}, async ({ lost }) => {
        for (let i = 0; i < 2; i++) {
          const who = { postgresql: /backend \d+ postgres/, mariadb: /connection \d+/ }[name as 'mariadb'] ?? /fuser/;
          expect(await status()).toMatchObject({
            code: 1,
            status: { lock: { held: true, holder: expect.stringMatching(who) } },
          });
        }
        expect((await run('status')).stdout).toMatch(/Lock: held, .*holds it/);
        expect(lost.aborted).toBe(false);
      });
      await holder.close();
      expect(await status()).toEqual(before);
      await database.drop();
    });
  });
}

await describeDriver('postgresql', () => {
  test('of several schemas', async () => {
    const database = await createDatabase('postgresql');
    const { driver: _, ...settings } = database.config;
    await writeConfig('postgresql', settings, ['Migration1']);
    expect((await run('migrate', '--schema', 'a')).code).toBe(0);
    expect(await status('--schema', 'a', 'b')).toMatchObject({
      code: 1,
      status: { applied: ['a.Migration1'], pending: ['b.Migration1'] },
    });
    await database.drop();
  });
});
