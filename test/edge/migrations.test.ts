import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Migration } from '@mikro-orm/migrations';
import { SqliteDriver } from '@mikro-orm/sql';
import { Miniflare } from 'miniflare';
import { explicitMigrations } from 'mikro-orm-web';
import { createEdgeOrm, d1, migrateEdge, type D1Binding } from 'mikro-orm-web/edge';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startWorker, type RunningWorker } from './support/miniflare.js';
import * as listed from './worker/migrations/index.js';

const names = ['Migration20260101000000', 'Migration20260202000000'];

describe('D1, by a deploy step in Node.js', () => {
  let miniflare: Miniflare;
  let database: D1Binding;

  beforeEach(async () => {
    miniflare = new Miniflare({ modules: true, script: 'export default {}', d1Databases: { DB: 'db' } });
    database = await miniflare.getD1Database('DB');
  });
  afterEach(() => miniflare.dispose());

  const migrate = (migrations: Record<string, unknown>): Promise<void> =>
    migrateEdge(
      createEdgeOrm(
        {
          driver: SqliteDriver,
          dbName: 'app',
          entities: [],
          discovery: { warnWhenNoEntities: false },
          ...explicitMigrations(migrations, { silent: true, snapshot: false }),
        },
        d1(database),
      ),
    );
  const query = async (sql: string): Promise<unknown[]> => (await database.prepare(sql).all()).results;
  const recorded = async (): Promise<unknown[]> =>
    (await query('select name from mikro_orm_migrations order by id')).map(row => (row as { name: string }).name);
  const tables = async (): Promise<unknown[]> =>
    (await query("select name from sqlite_master where type = 'table' order by name"))
      .map(row => (row as { name: string }).name)
      .filter(name => !/^(?:_cf_|sqlite_|mikro_orm_)/.test(name));

  test('runs what is pending, once', async () => {
    await migrate(listed);
    await migrate(listed);
    expect(await recorded()).toEqual(names);
    expect(await query('select * from author')).toEqual([{ id: 'a', name: 'Author 1' }]);
  });

  test('a migration that fails leaves nothing behind, nor does the one before it', async () => {
    class Migration3 extends Migration {
      override up(): void {
        this.addSql('create table more (id text)');
        this.addSql("insert into nowhere values ('x')");
      }
    }
    await expect(migrate({ ...listed, Migration20260303000000: Migration3 })).rejects.toThrow(/no such table: nowhere/);
    expect(await tables()).toEqual([]);
    expect(await recorded()).toEqual([]);
    await migrate(listed);
    expect(await tables()).toEqual(['author', 'post']);
  });

  test('a table that others refer to is not rebuilt: D1 would delete their rows', async () => {
    await migrate(listed);
    class Migration3 extends Migration {
      override up(): void {
        this.addSql('pragma foreign_keys = off;');
        this.addSql('create table `author__new` (`id` text not null primary key, `name` text null)');
        this.addSql('insert into `author__new` select * from `author`');
        this.addSql('drop table `author`');
        this.addSql('alter table `author__new` rename to `author`');
        this.addSql('pragma foreign_keys = on;');
      }
    }
    await expect(migrate({ ...listed, Migration20260303000000: Migration3 })).rejects.toThrow(
      /rebuild author.*D1.*alter table/s,
    );
    expect(await query('select * from post')).toEqual([{ id: 'p', author_id: 'a' }]);
  });

  test('what it would read after it has written is refused', async () => {
    class Migration3 extends Migration {
      override async up(): Promise<void> {
        await this.execute("insert into `author` values ('b', 'B')");
        await this.execute('select count(*) from author');
      }
    }
    await migrate(listed);
    await expect(migrate({ ...listed, Migration20260303000000: Migration3 })).rejects.toThrow(/would not see/);
    expect(await query('select id from author')).toEqual([{ id: 'a' }]);
  });
});

describe('npx mikro-orm-web migrate', () => {
  const cli = resolve(import.meta.dirname, '../../dist/cli.js');
  const folder = resolve(import.meta.dirname, `../.tmp/edge-cli-${process.pid}`);

  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({
        type: 'module',
        devDependencies: { '@mikro-orm/cli': '7.2.1' },
        'mikro-orm': { preferTs: false },
      }),
    );
    // what getPlatformProxy() of wrangler does, which nothing disposes of
    await writeFile(
      join(folder, 'mikro-orm.config.js'),
      `import { Migration } from '@mikro-orm/migrations';
import { SqliteDriver } from '@mikro-orm/sql';
import { Miniflare } from 'miniflare';
import { explicitMigrations } from 'mikro-orm-web';
import { d1 } from 'mikro-orm-web/edge';
class Migration1 extends Migration {
  up() { this.addSql('create table note (id text primary key)'); }
}
const miniflare = new Miniflare({ modules: true, script: 'export default {}', d1Databases: { DB: 'db' }, d1Persist: '${folder}/d1' });
export default {
  driver: SqliteDriver,
  dbName: 'app',
  entities: [],
  discovery: { warnWhenNoEntities: false },
  driverOptions: d1(await miniflare.getD1Database('DB')),
  ...explicitMigrations({ Migration1 }, { silent: true, snapshot: false }),
};
`,
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const run = (...args: string[]): Promise<{ code: number; out: string }> =>
    promisify(execFile)(process.execPath, [cli, 'migrate', ...args], { cwd: folder }).then(
      ({ stdout }) => ({ code: 0, out: stdout }),
      ({ code, stderr }: { code: number; stderr: string }) => ({ code, out: stderr }),
    );

  test('migrates D1 through a proxy, and ends although that stays open', async () => {
    expect(await run('--check')).toEqual({ code: 1, out: expect.stringContaining('Pending: Migration1') });
    expect(await run()).toEqual({ code: 0, out: expect.stringContaining('pending were: Migration1') });
    expect(await run('--check')).toEqual({ code: 0, out: expect.stringContaining('No migration is pending.') });
  });
});

describe('a Durable Object migrates itself before its first request', () => {
  let worker: RunningWorker;
  beforeAll(async () => {
    worker = await startWorker('rooms', {
      bindings: { durableObjects: { STORE: { className: 'Room', useSQLite: true } } },
    });
  });
  afterAll(() => worker.stop());

  test('each object by itself, and once', async () => {
    const ask = async (room: string, path = '/'): Promise<unknown> =>
      (await worker.ask(path, { headers: { room } })).body;
    const first = await Promise.all([ask('one'), ask('two'), ask('one')]);
    expect(first).toEqual(Array(3).fill({ names: ['Author 1'], recorded: names }));
    await ask('one', '/add');
    await ask('one', '/restart');
    expect(await ask('one')).toEqual({ names: ['Author 1', 'new'], recorded: names });
    expect(await ask('two')).toEqual({ names: ['Author 1'], recorded: names });
  });
});
