import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MikroORM, defineEntity, p } from '@mikro-orm/core';
import { Migration, Migrator } from '@mikro-orm/migrations';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createOrmSingleton, explicitMigrations } from '../../src/index.js';
import { createDatabase, describeDriver, DRIVERS, type DatabaseConfig } from '../support/databases.js';

/** A migration as the guide's, without a name field, after a minifier. */
function migration(sql: string, name = 'g') {
  const cls = class extends Migration {
    override up(): void {
      this.addSql(sql);
    }
  };
  Object.defineProperty(cls, 'name', { value: name });
  return cls;
}

const Note = defineEntity({
  name: 'Note',
  tableName: 'note',
  properties: { id: p.integer().primary(), text: p.string() },
});
const first = () => migration('create table note (id integer primary key, text varchar(20))');
const second = () => migration('alter table note add column done integer');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const config = () => ({ driver: SqliteDriver, dbName: join(folder, 'test.db'), entities: [Note], baseDir: folder });
async function recorded(orm: MikroORM): Promise<string[]> {
  return (await orm.migrator.getExecuted()).map(row => row.name);
}

describe('in a bundle', () => {
  test("the guide's pattern records `g`, and silently skips the next migration", async () => {
    const orm = new MikroORM({
      ...config(),
      extensions: [Migrator],
      migrations: { migrationsList: [first()], silent: true, snapshot: false },
    });
    await orm.migrator.up();
    expect(await recorded(orm as MikroORM)).toEqual(['g']);
    await orm.close();
    const next = new MikroORM({
      ...config(),
      extensions: [Migrator],
      migrations: { migrationsList: [first(), second()], silent: true, snapshot: false },
    });
    expect(await next.migrator.getPending()).toEqual([]);
    await next.close();
  });

  test('keys keep the names, sorted, and the next migration runs', async () => {
    const orm = new MikroORM({
      ...config(),
      ...explicitMigrations({ Migration20260101000000: first() }, { silent: true }),
    });
    await orm.migrator.up();
    expect(await recorded(orm as MikroORM)).toEqual(['Migration20260101000000']);
    await orm.close();
    const list = { Migration20260202000000: second(), Migration20260101000000: first() };
    const next = new MikroORM({ ...config(), ...explicitMigrations(list, { silent: true }) });
    await next.migrator.up();
    expect(await recorded(next as MikroORM)).toEqual(['Migration20260101000000', 'Migration20260202000000']);
    await next.close();
  });

  test('createOrmSingleton refuses the minified list before it runs', async () => {
    const orm = createOrmSingleton(
      { ...config(), extensions: [Migrator], migrations: { migrationsList: [first(), second()] } },
      { migrate: true, name: folder },
    );
    await expect(orm()).rejects.toThrow(/names that a minifier made or that occur twice: g\. Nothing was run/);
    await orm.close();
  });
});

for (const driver of DRIVERS) {
  await describeDriver(driver, () => {
    test('`renamed` repairs recorded names once; without it the run stops and says so', async () => {
      const database = await createDatabase(driver);
      const base = { ...database.config, entities: [Note] } as DatabaseConfig;
      // what the guide's pattern left behind: the first migration as g, and, from another module graph, as a
      const names = explicitMigrations({ Migration20260101000000: first() }, { silent: true, snapshot: false });
      const left = new MikroORM({ ...base, ...names });
      await left.migrator.up();
      await left.driver.getConnection().execute(`update mikro_orm_migrations set name = 'g'`);
      await left.driver.getConnection().execute(`insert into mikro_orm_migrations (name) values ('a')`);

      const list = { Migration20260101000000: first(), Migration20260202000000: second() };
      const up = async (renamed?: Record<string, string>) => {
        const orm =
          driver === 'pglite'
            ? left
            : new MikroORM({ ...base, ...explicitMigrations(list, { silent: true, snapshot: false, renamed }) });
        if (driver === 'pglite') {
          // in memory there is but the one instance: give it the new list
          const { extensions, migrations } = explicitMigrations(list, { silent: true, snapshot: false, renamed });
          left.config.set('migrations', { ...left.config.get('migrations'), ...migrations });
          left.config.resetServiceCache();
          extensions.forEach(extension => extension.register(left));
        }
        try {
          await orm.migrator.up();
          return await recorded(orm as MikroORM);
        } finally {
          if (orm !== left) {
            await orm.close();
          }
        }
      };
      await expect(up()).rejects.toThrow(
        /recorded under names that a minifier made: g, a\. Nothing was run.*renamed: \{ g: /,
      );
      const renamed = { g: 'Migration20260101000000', a: 'Migration20260101000000' };
      expect(await up(renamed)).toEqual(['Migration20260101000000', 'Migration20260202000000']);
      expect(await up(renamed), 'and again').toEqual(['Migration20260101000000', 'Migration20260202000000']);
      await left.close();
      await database.drop();
    });
  });
}

describe('a migration outside of transactions', () => {
  const outside = () =>
    class extends Migration {
      override isTransactional(): boolean {
        return false;
      }
      override up(): void {
        this.addSql('create index note_text on note (text)');
      }
    };

  test('in a run that is one transaction, it waits for itself for ever', async () => {
    const list = [
      { name: 'Migration1', class: first() },
      { name: 'Migration2', class: outside() },
    ];
    const orm = new MikroORM({
      ...config(),
      extensions: [Migrator],
      migrations: { migrationsList: list, silent: true, snapshot: false },
    });
    const run = orm.migrator.up().then(() => 'done');
    expect(await Promise.race([run, new Promise(resolve => setTimeout(resolve, 1000, 'waits'))])).toBe('waits');
  });

  test('runs, and those beside it in transactions of their own', async () => {
    const list = { Migration1: first(), Migration2: outside() };
    const orm = new MikroORM({ ...config(), ...explicitMigrations(list, { silent: true }) });
    expect((await orm.migrator.up()).map(({ name }) => name)).toEqual(['Migration1', 'Migration2']);
    await orm.close();
  });
});

test('a run within a transaction that is under way', async () => {
  const migrations = explicitMigrations({ Migration1: first() }, { silent: true, snapshot: false });
  const orm = new MikroORM({ ...config(), ...migrations });
  await orm.migrator.getPending(); // MikroORM opens its table outside of the transaction
  const run = await orm.em.fork().transactional(em => orm.migrator.up({ transaction: em.getTransactionContext()! }));
  expect(run.map(({ name }) => name)).toEqual(['Migration1']);
  await orm.close();
});

await describeDriver('postgresql', driver => {
  test("a run in a tenant's schema looks at the names that are recorded there", async () => {
    const database = await createDatabase(driver);
    const base = { ...database.config, entities: [Note] } as DatabaseConfig;
    const migrations = (renamed = {}) =>
      explicitMigrations({ Migration1: first() }, { silent: true, snapshot: false, renamed });
    const tenant = new MikroORM({ ...base, ...migrations() });
    await tenant.driver.getConnection().execute('create schema tenant');
    await tenant.migrator.up({ schema: 'tenant' });
    await tenant.driver.getConnection().execute(`update tenant.mikro_orm_migrations set name = 'g'`);
    await expect(tenant.migrator.up({ schema: 'tenant' })).rejects.toThrow(/names that a minifier made: g/);
    await tenant.close();
    const repaired = new MikroORM({ ...base, ...migrations({ g: 'Migration1' }) });
    expect(await repaired.migrator.up({ schema: 'tenant' })).toEqual([]);
    expect((await repaired.migrator.getExecuted({ schema: 'tenant' })).map(row => row.name)).toEqual(['Migration1']);
    await repaired.close();
    await database.drop();
  });
});

test('a recorded migration that the list lacks is a warning', async () => {
  const all = { Migration20260101000000: first(), Migration20260202000000: second() };
  const orm = new MikroORM({ ...config(), ...explicitMigrations(all, { silent: true }) });
  await orm.migrator.up();
  await orm.close();
  const logger = vi.fn();
  const older = new MikroORM({
    ...config(),
    ...explicitMigrations({ Migration20260101000000: first() }, { silent: true }),
    logger,
  });
  await older.migrator.up();
  expect(logger.mock.calls.flat().join()).toMatch(/lacks: Migration20260202000000/);
  await older.close();
});

describe('refusals name all offenders and the line to write', () => {
  class Named extends Migration {
    override name = 'Migration20260303000000';
    override up(): void {}
  }
  const one = first();
  test.each([
    ['an array', [one], /import \* as migrations from '\.\/migrations'/],
    [
      'undefined',
      { Migration20260101000000: undefined, Migration20260102000000: 3 },
      /Migration20260101000000 is undefined and not a migration class: a circular import\?.*Migration20260102000000 is number/,
    ],
    [
      'a key that differs from the name field',
      { Wrong: Named, Migration20260101000000: one },
      /Wrong has a name field that says Migration20260303000000, write `Migration20260303000000: Wrong`/,
    ],
    ['two keys for one class', { Migration1: one, Migration2: one }, /Migration1 and Migration2 are one class/],
    ['a default export', { default: one }, /default is no name/],
  ])('%s', (_what, list, message) => {
    expect(() => explicitMigrations(list as never)).toThrow(message);
  });

  test('renamed to what is not in the list', () => {
    expect(() => explicitMigrations({ Migration20260101000000: one }, { renamed: { g: 'Migration2' } })).toThrow(
      /cannot map g to Migration2\. Write renamed: \{ g: 'Migration20260101000000' \}/,
    );
  });
});

test('other values of a namespace are ignored, extensions and options kept', () => {
  abstract class MigrationBase extends Migration {}
  const seeder = { register: () => undefined };
  const { extensions, migrations } = explicitMigrations(
    { Migration20260101000000: first(), MigrationBase, helper: () => 1 },
    { extensions: [seeder], tableName: 'runs', path: './db' },
  );
  expect(extensions[0]).toBe(seeder);
  expect(extensions).toHaveLength(2);
  expect(migrations).toMatchObject({ tableName: 'runs', path: './db', snapshot: true });
  expect(migrations.migrationsList).toHaveLength(1);
  vi.stubEnv('NODE_ENV', 'production');
  expect(explicitMigrations({ Migration20260101000000: first() }).migrations).toMatchObject({
    snapshot: false,
    path: './migrations',
  });
  vi.unstubAllEnvs();
});

describe('migration:create keeps the index up to date', () => {
  const create = async (
    options?: Parameters<typeof explicitMigrations>[1],
    logger: (message: string) => void = () => undefined,
  ) => {
    const orm = new MikroORM({
      ...config(),
      logger,
      ...explicitMigrations({ Migration20260101000000: first() }, { silent: true, ...options }),
    });
    const { fileName } = await orm.migrator.create(undefined, true);
    await orm.close();
    return fileName.replace(/\.ts$/, '');
  };
  const index = () => readFile(join(folder, 'migrations/index.ts'), 'utf8');

  test('one line for each migration, sorted', async () => {
    const a = await create();
    expect(await index()).toMatch(`export { ${a} } from './${a}.js';\n`);
    await writeFile(
      join(folder, 'migrations/Migration20200101000000.ts'),
      'export class Migration20200101000000 extends Migration {}',
    );
    await new Promise(resolve => setTimeout(resolve, 1100));
    const b = await create();
    expect(
      (await index())
        .split('\n')
        .slice(1, 4)
        .map(line => /\{ (.*) \}/.exec(line)?.[1]),
    ).toEqual(['Migration20200101000000', a, b]);
  });

  test('creates the first one from an empty index', async () => {
    const index = join(folder, 'migrations/index.ts');
    await mkdir(join(folder, 'migrations'));
    await writeFile(index, 'export {};\n');
    const orm = new MikroORM({ ...config(), ...explicitMigrations({}, { silent: true }) });
    const { fileName } = await orm.migrator.create(undefined, false, true);
    await orm.close();
    expect(await readFile(index, 'utf8')).toContain(`export { ${fileName.slice(0, -3)} }`);
  });

  test.each([
    ['{ "compilerOptions": { "allowImportingTsExtensions": true } }', '.ts'],
    ['{ "compilerOptions": { "moduleResolution": "bundler" } }', ''],
    ['{ "compilerOptions": { "module": "Preserve" } }', ''],
    ['{ // "allowImportingTsExtensions": true\n "extends": "./tsconfig.base" }', ''],
    ['{ "extends": "./tsconfig.base.json", "compilerOptions": { "moduleResolution": "nodenext" } }', '.js'],
    ['{ "extends": "@tsconfig/app" }', ''],
    ['{ "files": [], "references": [{ "path": "./tsconfig.base.json" }] }', ''],
    ['{}', '.js'],
  ])('imports as the project does: %s', async (tsconfig, extension) => {
    await writeFile(join(folder, 'tsconfig.json'), tsconfig);
    const bundler = '{ "compilerOptions": { "moduleResolution": "bundler", }, }';
    await writeFile(join(folder, 'tsconfig.base.json'), bundler);
    await mkdir(join(folder, 'node_modules/@tsconfig/app'), { recursive: true });
    await writeFile(join(folder, 'node_modules/@tsconfig/app/tsconfig.json'), bundler);
    const name = await create();
    expect(await index()).toContain(`from './${name}${extension}';`);
  });

  test('is CommonJS beside migrations in CommonJS, and loads', async () => {
    await symlink(resolve(import.meta.dirname, '../../node_modules'), join(folder, 'node_modules'));
    const orm = new MikroORM({
      ...config(),
      ...explicitMigrations({ Migration20260101000000: first() }, { silent: true, emit: 'cjs' }),
    });
    const { fileName } = await orm.migrator.create(undefined, true);
    await orm.close();
    const list = (await import(/* @vite-ignore */ pathToFileURL(join(folder, 'migrations/index.cjs')).href)) as Record<
      string,
      unknown
    >;
    expect(explicitMigrations(list).migrations.migrationsList).toMatchObject([{ name: fileName.replace('.cjs', '') }]);
  });

  test('a file that it did not write is left alone, with a message', async () => {
    const logger = vi.fn();
    await create();
    await writeFile(join(folder, 'migrations/index.ts'), '// mine\n');
    await new Promise(resolve => setTimeout(resolve, 1100));
    const name = await create({}, logger);
    expect(await index()).toBe('// mine\n');
    expect(logger.mock.calls.flat().join()).toMatch(new RegExp(`left alone.*export \\{ ${name} \\}`));
  });
});
