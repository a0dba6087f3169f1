import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MikroORM } from '@mikro-orm/core';
import { Migration, Migrator } from '@mikro-orm/migrations';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createOrmSingleton, explicitMigrations } from '../../src/index.js';
import { createDatabase, describeDriver, onServer, type TestDatabase } from '../support/databases.js';

const quiet = { silent: true, snapshot: false };

class Migration1 extends Migration {
  override up(): void {
    this.addSql('create table article (id integer primary key, title text)');
    this.addSql('create table tag (id integer primary key)');
    this.addSql(
      `create table article_tags (article_id integer not null, tag_id integer not null,
        constraint fk_article foreign key (article_id) references article (id) on delete cascade,
        constraint fk_tag foreign key (tag_id) references tag (id) on delete cascade,
        primary key (article_id, tag_id))`,
    );
  }
}

/** As `migration:create` writes it. */
function rebuild(migration: Migration, table: string, columns: string, select: string): void {
  migration.addSql('pragma foreign_keys = off;');
  migration.addSql(`create table \`${table}__temp_alter\` (${columns});`);
  migration.addSql(`insert into \`${table}__temp_alter\` select ${select} from \`${table}\`;`);
  migration.addSql(`drop table \`${table}\`;`);
  migration.addSql(`alter table \`${table}__temp_alter\` rename to \`${table}\`;`);
  migration.addSql('pragma foreign_keys = on;');
}

class Migration2 extends Migration {
  override up(): void {
    rebuild(this, 'article', 'id integer primary key, title text null, text text', 'id, title, null');
  }
  override down(): void {
    rebuild(this, 'article', 'id integer primary key, title text null', 'id, title');
  }
}

/** Takes a row of the parent away, and leaves those that refer to it. */
class Dangling extends Migration {
  override up(): void {
    this.addSql('create table other (id integer primary key)');
    this.addSql('delete from article where id = 2');
  }
  override down(): void {
    this.addSql('drop table other');
    this.addSql('delete from article where id = 1');
  }
}

class Outside extends Dangling {
  override isTransactional(): boolean {
    return false;
  }
}

const message = /article_tags.*row 2\b.*\barticle\b.*Nothing was changed/s;

for (const name of ['sqlite', 'libsql'] as const) {
  await describeDriver(name, () => {
    let database: TestDatabase;
    let opened: { close(): Promise<void> }[];
    beforeEach(async () => {
      opened = [];
      database = await createDatabase(name);
      const orm = plain({ Migration1 });
      await orm.migrator.up();
      await run(orm, `insert into article (id, title) values (1, 'one'), (2, 'two'), (3, 'three')`);
      await run(orm, 'insert into tag values (1)');
      await run(orm, 'insert into article_tags values (1, 1), (2, 1), (3, 1)');
    });
    afterEach(async () => {
      await Promise.all(opened.map(orm => orm.close()));
      await database.drop();
    });

    const base = () => ({ ...database.config, entities: [], discovery: { warnWhenNoEntities: false } });
    function plain(migrations: Record<string, unknown>, options: object = {}): MikroORM {
      const orm = new MikroORM({ ...base(), ...explicitMigrations(migrations, { ...quiet, ...options }) }) as MikroORM;
      opened.push(orm);
      return orm;
    }
    function singleton(migrations: Record<string, unknown>, options: object = {}) {
      const config = { ...base(), ...explicitMigrations(migrations, { ...quiet, ...options }) };
      const orm = createOrmSingleton(config as never, { name: database.config.dbName!, migrate: true });
      opened.push(orm);
      return orm;
    }
    const run = (orm: MikroORM, sql: string) =>
      orm.driver.getConnection().execute(sql) as unknown as Promise<Record<string, unknown>[]>;
    const pivot = async (orm: MikroORM) => (await run(orm, 'select * from article_tags')).length;
    const isOn = async (orm: MikroORM) => (await run(orm, 'pragma foreign_keys'))[0]!['foreign_keys'];
    const tables = async () => {
      const rows = await onServer<{ name: string }[]>(database.config, 'select name from sqlite_master order by name');
      return rows.map(row => row.name);
    };

    test('a rebuilt parent keeps the rows of a pivot that cascades, up and down', async () => {
      const orm = plain({ Migration1, Migration2 });
      expect(await orm.migrator.up()).toHaveLength(1);
      expect(await pivot(orm)).toBe(3);
      expect(await isOn(orm)).toBe(1);
      expect(await orm.migrator.down()).toHaveLength(1);
      expect(await pivot(orm)).toBe(3);
      expect(await isOn(orm)).toBe(1);
    });

    test.each([{ allOrNothing: false }, { transactional: false }, { disableForeignKeys: true, allOrNothing: false }])(
      'so it does with %j',
      async options => {
        const orm = plain({ Migration1, Migration2 }, options);
        expect(await orm.migrator.up()).toHaveLength(1);
        expect(await orm.migrator.down()).toHaveLength(1);
        expect(await pivot(orm)).toBe(3);
        expect(await isOn(orm)).toBe(1);
      },
    );

    test('so it does where createOrmSingleton migrates', async () => {
      const orm = (await singleton({ Migration1, Migration2 })()) as MikroORM;
      expect(await pivot(orm)).toBe(3);
      expect(await isOn(orm)).toBe(1);
      await orm.migrator.down();
      expect(await pivot(orm)).toBe(3);
      expect(await isOn(orm)).toBe(1);
    });

    test('so it does with files in a folder, which have the Migrator of MikroORM', async () => {
      const folder = resolve(import.meta.dirname, `../.tmp/foreign-keys-${process.pid}-${name}`);
      await mkdir(folder, { recursive: true });
      const file = (up: string) => `import { Migration } from '@mikro-orm/migrations';
export class Any extends Migration {
  up() {
    ${up}
  }
}`;
      await writeFile(join(folder, 'Migration1.js'), file(''));
      const drop = `['create table a (id integer primary key, title text)', 'insert into a select * from article', 'drop table article', 'alter table a rename to article']`;
      await writeFile(join(folder, 'Migration2.js'), file(`for (const sql of ${drop}) this.addSql(sql);`));
      try {
        const logger = vi.fn();
        const orm = createOrmSingleton(
          {
            ...base(),
            logger,
            extensions: [Migrator],
            migrations: { ...quiet, path: folder, pathTs: folder },
          } as never,
          { name: database.config.dbName!, migrate: true },
        );
        opened.push(orm);
        expect(await pivot((await orm()) as MikroORM)).toBe(3);
        expect((await orm.check()).migrations).toEqual({ ok: true, pending: [] });
        expect(logger.mock.calls.flat().join('\n'), 'files are known').not.toMatch(/lacks/);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });

    test.each([{}, { allOrNothing: false }])('a run that leaves a dangling row changes nothing, %j', async options => {
      const before = await tables();
      const orm = plain({ Migration1, Migration2: Dangling }, options);
      await expect(orm.migrator.up()).rejects.toMatchObject({ message: expect.stringMatching(message) });
      expect(await tables()).toEqual(before);
      expect(await run(orm, 'select id from article')).toHaveLength(3);
      expect(await orm.migrator.getExecuted()).toHaveLength(1);
      expect(await isOn(orm)).toBe(1);
    });

    test('nor does one that createOrmSingleton starts', async () => {
      const before = await tables();
      await expect(singleton({ Migration1, Migration2: Dangling })()).rejects.toMatchObject({
        code: 'ORM_CONFIG',
        message: expect.stringMatching(message),
      });
      expect(await tables()).toEqual(before);
    });

    test('nor does one back', async () => {
      const orm = plain({ Migration1, Migration2: Dangling });
      await run(orm, 'delete from article_tags where article_id = 2');
      await orm.migrator.up();
      const before = await tables();
      await expect(orm.migrator.down()).rejects.toThrow(/article_tags/);
      expect(await tables()).toEqual(before);
      expect(await run(orm, 'select id from article where id = 1')).toHaveLength(1);
      expect(await isOn(orm)).toBe(1);
    });

    test('a migration outside of transactions that leaves a dangling row is not recorded, which is said', async () => {
      const orm = plain({ Migration1, Migration2: Outside });
      await expect(orm.migrator.up()).rejects.toThrow(/article_tags.*not recorded/s);
      expect(await orm.migrator.getExecuted()).toHaveLength(1);
      expect(await isOn(orm)).toBe(1);
    });

    test('rows that dangled before do not keep later migrations from running', async () => {
      const orm = plain({ Migration1, Migration2 });
      await run(orm, 'pragma foreign_keys = off');
      await run(orm, 'insert into article_tags values (9, 1)');
      await run(orm, 'pragma foreign_keys = on');
      expect(await orm.migrator.up()).toHaveLength(1);
      expect(await pivot(orm)).toBe(4);
    });

    test('a run in a transaction of the caller, where foreign keys stay on, refuses to drop a parent', async () => {
      const orm = plain({ Migration1, Migration2 });
      const connection = orm.driver.getConnection();
      await orm.migrator.getExecuted();
      await expect(
        connection.transactional(transaction => orm.migrator.up({ transaction: transaction as never })),
      ).rejects.toMatchObject({ code: 'ORM_CONFIG', message: expect.stringMatching(/article.*transaction/s) });
      expect(await pivot(orm)).toBe(3);
    });

    test('what else runs on the handle waits, and finds foreign keys on', async () => {
      let during: Promise<unknown> | undefined;
      const orm = (await singleton({ Migration1 })()) as MikroORM;
      class Migration3 extends Migration {
        override async up(): Promise<void> {
          await this.execute('create table other (id integer)');
          ask();
          await this.execute('create table another (id integer)');
        }
      }
      let ask!: () => void;
      const asked = new Promise<void>(resolve => (ask = resolve));
      const outside = asked.then(() => {
        during = run(orm, 'insert into article_tags values (99, 1)');
        return during;
      });
      orm.config.get('migrations').migrationsList!.push({ name: 'Migration3', class: Migration3 });
      const [migrated, inserted] = await Promise.allSettled([orm.migrator.up(), outside]);
      expect(migrated).toMatchObject({ status: 'fulfilled' });
      expect(inserted).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(/foreign/i) } });
    });
  });
}
