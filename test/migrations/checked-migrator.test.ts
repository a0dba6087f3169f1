import { access, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MikroORM } from '@mikro-orm/core';
import { Migration, Migrator } from '@mikro-orm/migrations';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createOrmSingleton, explicitMigrations } from '../../src/index.js';
import { createDatabase, describeDriver } from '../support/databases.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const quiet = { silent: true, snapshot: false };
const config = () => ({
  driver: SqliteDriver,
  dbName: join(folder, 'test.db'),
  baseDir: folder,
  entities: [],
  discovery: { warnWhenNoEntities: false },
});
class Migration1 extends Migration {
  override up(): void {
    this.addSql('create table note (text varchar(20))');
  }
  override down(): void {
    this.addSql('drop table note');
  }
}

describe('a list without migrations', () => {
  test.each([
    ['nothing', {}],
    ['only other values', { helper: () => 1, VERSION: 3 }],
  ])('%s: fine in a config, refused by a run', async (_what, list) => {
    const orm = new MikroORM({ ...config(), ...explicitMigrations(list, quiet) });
    expect(await orm.migrator.getPending()).toEqual([]);
    await expect(orm.migrator.up()).rejects.toMatchObject({
      code: 'EXPLICIT_NAME',
      message: expect.stringMatching(
        /no migration.*import \* as migrations from '\.\/migrations'.*explicitMigrations\(migrations\)/,
      ),
    });
    await orm.close();

    const reads = createOrmSingleton({ ...config(), ...explicitMigrations(list, quiet) }, { name: folder });
    await reads();
    expect((await reads.check()).ok).toBe(true);
    await reads.close();
    const migrates = createOrmSingleton(
      { ...config(), ...explicitMigrations(list, quiet) },
      { name: folder, migrate: true },
    );
    await expect(migrates()).rejects.toMatchObject({ code: 'EXPLICIT_NAME' });
    await migrates.close();
  });
});

test('MikroORM.init() keeps it, and it is a Migrator', async () => {
  const orm = await MikroORM.init({ ...config(), ...explicitMigrations({ Migration1 }, quiet) });
  expect(orm.migrator).toBeInstanceOf(Migrator);
  await orm.driver.getConnection().execute('select 1');
  await orm.migrator.up();
  await orm.driver.getConnection().execute(`update mikro_orm_migrations set name = 'g'`);
  await expect(orm.migrator.up()).rejects.toMatchObject({ code: 'EXPLICIT_NAME' });
  await orm.close();
});

describe('a migration outside of transactions', () => {
  class Field extends Migration {
    override isTransactional = () => false;
    override up(): void {
      this.addSql('create index note_text on note (text)');
    }
    override down(): void {
      this.addSql('drop index note_text');
    }
  }

  // without it, the run would wait for itself until the time limit of the test
  test('that says so in a class field, runs up and down', async () => {
    const orm = new MikroORM({ ...config(), ...explicitMigrations({ Migration1, Migration2: Field }, quiet) });
    expect((await orm.migrator.up()).map(({ name }) => name)).toEqual(['Migration1', 'Migration2']);
    expect((await orm.migrator.down({ to: 0 })).map(({ name }) => name)).toEqual(['Migration2', 'Migration1']);
    await orm.close();
  }, 5_000);

  test('leaves the next run as it was: one transaction', async () => {
    class Migration3 extends Migration {
      override up(): void {
        this.addSql('create table one (id integer)');
      }
    }
    class Migration4 extends Migration {
      override up(): void {
        this.addSql('select * from missing');
      }
    }
    const list = { Migration1, Migration2: Field, Migration3, Migration4 };
    const orm = new MikroORM({ ...config(), ...explicitMigrations(list, quiet) });
    await orm.migrator.up({ to: 'Migration2' });
    await expect(orm.migrator.up()).rejects.toThrow(/missing/);
    expect((await orm.migrator.getExecuted()).map(({ name }) => name)).toEqual(['Migration1', 'Migration2']);
    await orm.close();
  }, 5_000);
});

test('a run on a database in memory writes no snapshot into the project, one on a file does', async () => {
  const migrations = explicitMigrations({ Migration1 }, { silent: true, snapshot: true });
  await mkdir(join(folder, 'migrations'));
  for (const [dbName, files] of [
    [':memory:', []],
    [join(folder, 'test.db'), ['.snapshot-test.db.json']],
  ] as const) {
    const orm = new MikroORM({ ...config(), dbName, ...migrations });
    await orm.migrator.up();
    await orm.close();
    expect(await readdir(join(folder, 'migrations'))).toEqual(files);
  }
});

await describeDriver('postgresql', driver => {
  test('a run creates a database that is missing, as the Migrator of MikroORM does', async () => {
    const database = await createDatabase(driver);
    await database.drop();
    const base = { ...database.config, entities: [], discovery: { warnWhenNoEntities: false } };
    const orm = new MikroORM({ ...base, ...explicitMigrations({ Migration1 }, quiet) });
    expect(await orm.migrator.up()).toHaveLength(1);
    await orm.close();
    await database.drop();
  });
});

describe('rollup', () => {
  const withOrm = async <T>(
    migrations: Record<string, unknown>,
    emit: 'ts' | 'cjs',
    use: (orm: MikroORM) => Promise<T>,
  ) => {
    const orm = new MikroORM({ ...config(), ...explicitMigrations(migrations, { ...quiet, emit }) }) as MikroORM;
    return use(orm).finally(() => orm.close());
  };
  /** The migrations of the folder, each from its file. */
  async function load(): Promise<Record<string, unknown>> {
    const files = (await readdir(join(folder, 'migrations'))).filter(name => name.startsWith('Migration'));
    const modules = await Promise.all(files.map(name => import(/* @vite-ignore */ join(folder, 'migrations', name))));
    return Object.fromEntries(
      modules.flatMap(module => Object.entries(module)).filter(([key]) => key.startsWith('Migration')),
    );
  }
  const WRITTEN = '// Written by mikro-orm-web: migration:create keeps this list up to date.\n';
  const source = {
    ts: (name: string, sql: string) => `import { Migration } from '@mikro-orm/migrations';
export class ${name} extends Migration {
  override async up() {
    this.addSql(\`${sql}\`);
  }
}
`,
    cjs: (name: string, sql: string) => `const { Migration } = require('@mikro-orm/migrations');
class ${name} extends Migration {
  async up() {
    this.addSql(\`${sql}\`);
  }
}
exports.${name} = ${name};
`,
  };

  test.each(['ts', 'cjs'] as const)('merges the files of listed migrations, in %s', async emit => {
    await symlink(resolve(import.meta.dirname, '../../node_modules'), join(folder, 'node_modules'));
    await mkdir(join(folder, 'migrations'));
    const write = (name: string, text: string) => writeFile(join(folder, `migrations/${name}.${emit}`), text);
    await write('Migration20260101000000', source[emit]('Migration20260101000000', 'create table note (id integer)'));
    await write(
      'Migration20260202000000',
      source[emit]('Migration20260202000000', 'alter table note add done integer'),
    );
    await write('index', WRITTEN);
    const { fileName } = await withOrm(await load(), emit, async orm => {
      await orm.migrator.up();
      return orm.migrator.rollup();
    });
    const name = fileName.slice(0, -emit.length - 1);
    expect((await readdir(join(folder, 'migrations'))).sort()).toEqual([fileName, `index.${emit}`]);
    expect(await readFile(join(folder, 'migrations', fileName), 'utf8')).toMatch(/create table note[^]*note add done/);
    const index = await readFile(join(folder, `migrations/index.${emit}`), 'utf8');
    expect(index.match(/Migration\d+/g)?.every(found => found === name)).toBe(true);
    expect(index).toContain(name);
    const list = await load();
    expect(Object.keys(list)).toEqual([name]);
    await withOrm(list, emit, async orm => {
      expect(await orm.migrator.up(), 'it has run already').toEqual([]);
      expect((await orm.migrator.getExecuted()).map(row => row.name)).toEqual([name]);
    });
  });

  test('says which file is missing, and what to do', async () => {
    class Migration2 extends Migration {
      override up(): void {}
    }
    await mkdir(join(folder, 'migrations'));
    await withOrm({ Migration1, Migration2 }, 'cjs', async orm => {
      await orm.migrator.up();
      await expect(orm.migrator.rollup()).rejects.toMatchObject({
        code: 'ORM_CONFIG',
        message: expect.stringMatching(/Migration1\.cjs.*Migration2\.cjs.*path/s),
      });
      expect(await orm.migrator.getExecuted()).toHaveLength(2);
    });
    await expect(access(join(folder, 'migrations/index.cjs'))).rejects.toThrow();
  });
});
