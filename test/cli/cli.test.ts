import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { MikroORM } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withMigrationLock } from '../../src/migrations/lock/migration-lock.js';
import { createDatabase, describeDriver, onServer, type DatabaseConfig } from '../support/databases.js';

const cli = resolve(import.meta.dirname, '../../dist/cli.js');
let folder: string;

// below the repository, so that its packages are found, the library among them
beforeEach(async ({ task }) => {
  folder = resolve(import.meta.dirname, `../.tmp/cli-${process.pid}-${task.id}`);
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({
      type: 'module',
      devDependencies: { '@mikro-orm/cli': '7.2.1' },
      'mikro-orm': { preferTs: false },
    }),
  );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const writeConfig = (driver: string, settings: object, options: object = {}) =>
  writeFile(
    join(folder, 'mikro-orm.config.js'),
    `import { Migration } from '@mikro-orm/migrations';
import { defineConfig } from '@mikro-orm/${driver}';
import { explicitMigrations } from 'mikro-orm-web';
class Migration1 extends Migration {
  async up() {
    this.addSql('create table note (id integer primary key)');
  }
}
const quiet = { silent: true, snapshot: false, ...${JSON.stringify(options)} };
export default defineConfig({
  ...${JSON.stringify(settings)},
  entities: [],
  discovery: { warnWhenNoEntities: false },
  ...explicitMigrations({ Migration1 }, quiet),
});
`,
  );

const run = (...args: string[]) => runWith({}, ...args);

async function runWith(
  env: NodeJS.ProcessEnv,
  ...args: string[]
): Promise<{ code: number; out: string; stdout?: string }> {
  const started = promisify(execFile)(process.execPath, [cli, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  return started.then(
    ({ stdout }) => ({ code: 0, out: stdout.trim() }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      out: stderr.trim(),
      ...(stdout === '' ? {} : { stdout: stdout.trim() }),
    }),
  );
}

test('migrates once, and --check tells by its exit code', async () => {
  await writeConfig('sqlite', { dbName: 'app.db' });
  expect(await run('migrate', '--check')).toEqual({ code: 1, out: 'Pending: Migration1' });
  expect(await readdir(folder), 'a check creates no file').not.toContain('app.db');
  const done = { code: 0, out: 'The database has all migrations; pending were: Migration1' };
  expect(await run('migrate')).toEqual(done);
  expect(await run('migrate', '--check')).toEqual({ code: 0, out: 'No migration is pending.' });
  expect(await run('migrate')).toEqual({ code: 0, out: 'The database has all migrations.' });
});

test('bad input says what to write', async () => {
  await writeConfig('sqlite', { dbName: 'app.db' });
  expect(await run()).toMatchObject({ code: 1, out: expect.stringContaining('Usage: mikro-orm-web migrate') });
  expect(await run('migrate', '--lock-timeout', 'soon')).toMatchObject({
    code: 1,
    out: 'migrate.lockTimeout takes a number from 0 on, and got NaN.',
  });
  expect(await run('migrate', '--config', 'none.js')).toMatchObject({
    code: 1,
    out: expect.stringContaining('none.js'),
  });
});

describe('what cannot be checked is an error of its own', () => {
  const writeText = (migrations: string) =>
    writeFile(
      join(folder, 'mikro-orm.config.js'),
      `import { defineConfig } from '@mikro-orm/sqlite';
import { explicitMigrations } from 'mikro-orm-web';
export default defineConfig({
  dbName: 'app.db',
  entities: [],
  discovery: { warnWhenNoEntities: false },
  ${migrations}
});
`,
    );

  test.each([
    ['a folder that is not there', "migrations: { path: './nowhere' }", /nowhere.*path/s],
    ['a list without migrations', '...explicitMigrations({})', /no migration to run/],
  ])('%s', async (_what, migrations, message) => {
    await writeText(migrations);
    expect(await run('migrate', '--check')).toEqual({ code: 2, out: expect.stringMatching(message) });
    expect(await run('migrate')).toEqual({ code: 1, out: expect.stringMatching(message) });
    expect(await readdir(folder), 'no folder is created').toEqual(
      expect.not.arrayContaining(['nowhere', 'migrations']),
    );
  });

  test('no Migrator', async () => {
    await writeText('');
    // as where @mikro-orm/migrations cannot be found by MikroORM
    await writeFile(
      join(folder, 'hide.mjs'),
      `import { registerHooks } from 'node:module';
registerHooks({
  resolve(name, context, next) {
    if (name === '@mikro-orm/migrations' && context.parentURL?.includes('@mikro-orm/core')) throw new Error('hidden');
    return next(name, context);
  },
});`,
    );
    const env = { NODE_OPTIONS: `--import ${join(folder, 'hide.mjs')}` };
    const message = /needs migrations in the config/;
    expect(await runWith(env, 'migrate', '--check')).toEqual({ code: 2, out: expect.stringMatching(message) });
    expect(await runWith(env, 'migrate')).toEqual({ code: 1, out: expect.stringMatching(message) });
  });

  test('a config that is missing', async () => {
    expect(await run('migrate', '--check', '--config', 'none.js')).toMatchObject({ code: 2 });
  });
});

test('names that a minifier made are told by --check, and not listed as pending', async () => {
  await writeConfig('sqlite', { dbName: 'app.db' });
  expect((await run('migrate')).code).toBe(0);
  await onServer(
    { driver: SqliteDriver, dbName: join(folder, 'app.db') } as DatabaseConfig,
    `update mikro_orm_migrations set name = 'g'`,
  );
  expect(await run('migrate', '--check')).toEqual({
    code: 1,
    out: expect.stringMatching(
      /^Migrations were recorded under names that a minifier made: g\..*renamed: \{ g: 'Migration1' \}/,
    ),
  });
  await writeConfig('sqlite', { dbName: 'app.db' }, { renamed: { g: 'Migration1' } });
  expect(await run('migrate', '--check')).toEqual({ code: 1, out: 'To rename: 1 g (Migration1)' });
  expect((await run('migrate')).code).toBe(0);
  expect(await run('migrate', '--check')).toEqual({ code: 0, out: 'No migration is pending.' });
});

test('what keeps it from running is told', async () => {
  await writeConfig('postgresql', { host: 'localhost', port: 1, user: 'postgres', dbName: 'none' });
  const bothAddresses = `import dns from 'node:dns';
const both = [{ address: '::1', family: 6 }, { address: '127.0.0.1', family: 4 }];
dns.lookup = (host, options, done) => done(null, both);`;
  await writeFile(join(folder, 'both.mjs'), bothAddresses);
  const down = await runWith({ NODE_OPTIONS: `--import ${join(folder, 'both.mjs')}` }, 'migrate');
  expect(down).toEqual({
    code: 1,
    out: expect.stringMatching(/ECONNREFUSED ::1:1; connect ECONNREFUSED 127\.0\.0\.1:1/),
  });

  await writeFile(
    join(folder, 'broken.mjs'),
    `import { registerHooks } from 'node:module';
const broken = 'data:text/javascript,throw Error("is broken")';
registerHooks({ resolve: (name, context, next) => next(name === '@mikro-orm/cli' ? broken : name, context) });`,
  );
  const broken = await runWith({ NODE_OPTIONS: `--import ${join(folder, 'broken.mjs')}` }, 'migrate');
  expect(broken).toEqual({ code: 1, out: 'is broken' });
});

await describeDriver('postgresql', () => {
  test('four deploys at once migrate once, and a server that is down is told', async () => {
    const database = await createDatabase('postgresql');
    const { driver: _, ...settings } = database.config;
    await writeConfig('postgresql', settings);
    const runs = await Promise.all([run('migrate'), run('migrate'), run('migrate'), run('migrate')]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect((await run('migrate', '--check')).code).toBe(0);
    await database.drop();
    await writeConfig('postgresql', { ...settings, port: 5999 });
    expect(await run('migrate', '--check')).toEqual({
      code: 2,
      out: 'The database does not answer: database-unavailable.',
    });
  });

  test('--schema migrates each of them, and --check says which lacks what', async () => {
    const database = await createDatabase('postgresql');
    const { driver: _, ...settings } = database.config;
    await writeConfig('postgresql', settings);
    const pending = 'a.Migration1, b.Migration1, c.Migration1';
    expect(await run('migrate', '--check', '--schema', 'a', '--schema', 'b', 'c')).toEqual({
      code: 1,
      out: `Pending: ${pending}`,
    });
    expect(await run('migrate', '--schema', 'a', '--schema', 'b', 'c')).toEqual({
      code: 0,
      out: `The database has all migrations; pending were: ${pending}`,
    });
    expect((await run('migrate', '--check', '--schema', 'a', 'b', 'c')).code).toBe(0);
    expect(await run('migrate', '--check')).toEqual({ code: 1, out: 'Pending: Migration1' });
    expect(await run('migrate', '--schema', 'a', 'a')).toMatchObject({
      code: 1,
      out: expect.stringContaining('twice'),
    });
    await database.drop();
  });

  test('a deploy that waits for too long prints where to find the one that migrates', async () => {
    const database = await createDatabase('postgresql');
    const { driver: _, ...settings } = database.config;
    await writeConfig('postgresql', settings);
    const holder = new MikroORM({ ...database.config, entities: [], discovery: { warnWhenNoEntities: false } });
    await withMigrationLock(holder, {}, async () => {
      const late = await run('migrate', '--lock-timeout', '0');
      expect(late).toMatchObject({
        code: 1,
        out: expect.stringMatching(/^Another process migrates.*\n.*backend \d+ postgres/),
      });
    });
    await holder.close();
    await database.drop();
  });
});

describe('doctor', () => {
  const writeApp = (options: object = {}, dbName = 'app.db') => writeConfig('sqlite', { dbName }, options);
  const onFile = <T = void>(sql: string) =>
    onServer<T>({ driver: SqliteDriver, dbName: join(folder, 'app.db') } as DatabaseConfig, sql);

  test('a healthy app, before and after its migrations', async () => {
    await writeApp();
    expect(await run('doctor')).toEqual({ code: 0, out: 'Nothing is wrong.' });
    expect(await readdir(folder), 'it creates no file').not.toContain('app.db');
    expect((await run('migrate')).code).toBe(0);
    const { code, out } = await run('doctor', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ ok: true, findings: [], repair: { sql: [], questions: [] } });
  });

  test('what the app prints itself is not in the answer', async () => {
    await writeApp();
    const file = join(folder, 'mikro-orm.config.js');
    const code = (await readFile(file, 'utf8')).replace(
      'async up() {',
      "async up() { console.log('creates the table');",
    );
    await writeFile(file, `console.log('a config');\n${code}`);
    expect(await run('doctor')).toEqual({ code: 0, out: 'Nothing is wrong.' });
    expect(JSON.parse((await run('doctor', '--json')).out)).toMatchObject({ ok: true });
    expect(JSON.parse((await run('status', '--json')).stdout!)).toMatchObject({ pending: ['Migration1'] });
  });

  test('a minified name: found, repaired by its SQL, and told by `migrate --check`, which names doctor', async () => {
    await writeApp();
    expect((await run('migrate')).code).toBe(0);
    await onFile(`update mikro_orm_migrations set name = 'g'`);
    const text = await run('doctor');
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(
      /^error recorded-names: .*renamed: \{ g: 'Migration1' \}.*begin immediate;\nupdate .*\ncommit;$/s,
    );
    expect(await run('migrate', '--check')).toEqual({
      code: 1,
      out: expect.stringContaining('npx mikro-orm-web doctor'),
    });
    const { stdout } = await run('doctor', '--json');
    const report = JSON.parse(stdout!);
    expect(report).toMatchObject({ ok: false, renamed: { g: 'Migration1' }, findings: [{ id: 'recorded-names' }] });
    for (const { fix } of report.findings) {
      expect(fix).toBeTypeOf('string');
    }
    for (const sql of report.repair.sql.filter((line: string) => line.startsWith('update'))) {
      await onFile(sql);
    }
    expect(await run('doctor')).toEqual({ code: 0, out: 'Nothing is wrong.' });
    expect(await run('migrate', '--check')).toEqual({ code: 0, out: 'No migration is pending.' });
  });

  test('what it could not look at', async () => {
    expect(await run('doctor', '--config', 'none.js')).toMatchObject({ code: 2 });
    await writeConfig('postgresql', { host: '127.0.0.1', port: 1, dbName: 'none', password: 'secret' });
    const { code, out } = await run('doctor', '--json');
    expect(code).toBe(2);
    expect(out).not.toContain('secret');
    await writeApp();
    expect(await run('doctor', '--discriminator', 'animal=cat')).toMatchObject({
      code: 2,
      out: expect.stringContaining('animal.type:k=cat'),
    });
  });
});

test('--check names the doctor where join columns are a minifier’s', async () => {
  await writeFile(
    join(folder, 'mikro-orm.config.js'),
    `import { defineEntity, p } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { defineConfig } from '@mikro-orm/sqlite';
import { explicitEntities, explicitMigrations } from 'mikro-orm-web';
class Migration1 extends Migration {
  async up() {
    this.addSql('create table tag (id integer primary key)');
    this.addSql('create table note (id integer primary key)');
    this.addSql('create table note_tags (n_id integer not null, l_id integer not null, primary key (n_id, l_id))');
  }
}
const Tag = defineEntity({ name: 'Tag', properties: { id: p.integer().primary() } });
const Note = defineEntity({ name: 'Note', properties: { id: p.integer().primary(), tags: () => p.manyToMany(Tag) } });
export default defineConfig({
  dbName: 'app.db',
  entities: explicitEntities({ Note, Tag }),
  ...explicitMigrations({ Migration1 }, { silent: true, snapshot: false }),
});
`,
  );
  expect(await run('migrate')).toMatchObject({ code: 0 });
  expect(await run('migrate', '--check')).toEqual({
    code: 1,
    out: 'note_tags has no column note_id, tag_id, and n_id, l_id instead: names that a minifier made. Run npx mikro-orm-web doctor.',
  });
});
