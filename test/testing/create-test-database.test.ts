import { existsSync } from 'node:fs';
import { defineEntity, p } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOrmSingleton, explicitMigrations, type OrmSingleton } from '../../src/index.js';
import { createTestDatabase, openSandbox, type TestDatabase } from '../../src/testing/index.js';
import {
  adminOf,
  createDatabase,
  describeDriver,
  DRIVERS,
  dropDerived,
  listDerived,
  onServer,
  type DatabaseConfig,
  type DriverName,
} from '../support/databases.js';

const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: { id: p.integer().primary(), email: p.string().length(100).unique() },
});
class User extends UserSchema.class {}
UserSchema.setClass(User);

/** Another one in each run: templates of databases in memory stay. */
const LISTED = `Migration${Date.now()}`;
let runs = 0;
const id = (name: DriverName): string =>
  name === 'mariadb' || name === 'mysql'
    ? 'int auto_increment primary key'
    : name === 'postgresql' || name === 'pglite'
      ? 'serial primary key'
      : 'integer primary key autoincrement';

/** Migrations of a driver; those with another `note` have other contents. */
function migrations(name: DriverName, other = false) {
  class Migration1 extends Migration {
    override up(): void {
      runs++;
      this.addSql(`create table users (id ${id(name)}, email varchar(100) not null unique)`);
      this.addSql(
        'create table pets (id int primary key, user_id int not null, foreign key (user_id) references users (id))',
      );
      this.addSql('create view names as select email from users');
      if (name === 'mariadb') {
        this.addSql('create trigger lower before insert on users for each row set new.email = lower(new.email)');
        this.addSql('create function one() returns int deterministic return 1');
      }
    }
  }
  class Other extends Migration1 {
    override up(): void {
      super.up();
      this.addSql('create table others (id int)');
    }
  }
  return explicitMigrations({ [LISTED]: other ? Other : Migration1 }, { silent: true, snapshot: false });
}

const seed = async (em: { insert(type: typeof User, data: object): Promise<unknown> }): Promise<void> => {
  await em.insert(User, { email: 'seeded' });
};

for (const driver of DRIVERS) {
  await describeDriver(driver, name => {
    let database: Awaited<ReturnType<typeof createDatabase>>;
    let config: DatabaseConfig;
    const singleton = (other = false) =>
      createOrmSingleton({ ...config, entities: [User], ...migrations(name, other) } as never, {
        name: `copy ${Math.random()}`,
      }) as unknown as OrmSingleton;
    const emails = async (orm: OrmSingleton): Promise<string[]> =>
      (await (await orm()).em.fork().find(User, {}, { orderBy: { id: 1 } })).map(user => user.email);
    const open: TestDatabase[] = [];
    const create = async (orm: OrmSingleton, worker: string): Promise<TestDatabase> => {
      const made = await createTestDatabase(orm, { worker, seed: seed as never });
      open.push(made);
      return made;
    };

    /** All databases whose names begin with the config's, but its own. */
    const listAll = async (): Promise<string[]> => {
      if (name === 'sqlite' || name === 'libsql') {
        const { readdir } = await import('node:fs/promises');
        return (await readdir(config.dbName!.replace(/\/[^/]*$/, ''))).filter(file => file !== 'test.db');
      }
      return listDerived(name, config);
    };

    beforeAll(async () => {
      database = await createDatabase(name);
      config = database.config;
    });
    afterAll(async () => {
      for (const made of open) {
        await made.drop();
      }
      await dropDerived(name, config);
      await database.drop();
    });

    test('workers have copies of one template', async () => {
      runs = 0;
      const [a, b] = [singleton(), singleton()];
      const started = performance.now();
      const first = await create(a, '1');
      const second = await create(b, '2');
      console.log(`${name}: template and two copies in ${Math.round(performance.now() - started)} ms`);
      if (name !== 'pglite') {
        expect(first.name.startsWith(config.dbName!)).toBe(true);
        expect(first.name).not.toBe(second.name);
      }
      expect(runs).toBe(1);
      await (await a()).em.fork().insert(User, { email: 'Only a'.toLowerCase() });
      expect(await emails(a)).toEqual(['seeded', 'only a']);
      expect(await emails(b)).toEqual(['seeded']);
      const em = (await b()).em.fork() as unknown as SqlEntityManager;
      expect(await em.execute('select * from names')).toEqual([{ email: 'seeded' }]);
      await expect(em.execute('insert into pets values (1, 99)')).rejects.toThrow();
      expect(await (await b()).migrator.getPending()).toEqual([]);
      if (name === 'mariadb') {
        await em.insert(User, { email: 'UPPER' });
        expect(await emails(b)).toContain('upper');
        expect(await em.execute('select one() as one')).toEqual([{ one: 1 }]);
      }
      expect(await (await b()).schema.getUpdateSchemaSQL({ safe: true })).not.toContain('mikro_orm_web_test');
      await using _ = await openSandbox(b);
      await (await b()).em.fork().insert(User, { email: 'x' });
      await first.drop();
      await first.drop();
    });

    test('the template outlives drop()', async () => {
      runs = 0;
      const orm = singleton();
      const made = await create(orm, '3');
      expect(await emails(orm)).toEqual(['seeded']);
      expect(runs).toBe(0);
      await made.drop();
      await expect(orm()).rejects.toMatchObject({ code: 'ORM_CLOSED' });
    });

    test('two at once', async () => {
      const orms = [singleton(), singleton(), singleton()];
      const made = await Promise.all(orms.map(orm => create(orm, 'same')));
      expect(new Set(made.map(one => one.name)).size).toBe(3);
      for (const orm of orms) {
        expect(await emails(orm)).toEqual(['seeded']);
      }
    });

    test.skipIf(name === 'pglite')('stale ones go, and nothing else', async () => {
      const before = (await listAll()).filter(file => file.includes('_template_'));
      expect(before).toHaveLength(1);
      const orm = singleton(true);
      await create(orm, '4');
      const after = (await listAll()).filter(file => file.includes('_template_'));
      expect(after).toHaveLength(1);
      expect(after).not.toEqual(before);
      expect(await ((await orm()).em.fork() as unknown as SqlEntityManager).execute('select * from others')).toEqual(
        [],
      );
    });

    test.skipIf(name === 'pglite')('a database that it did not make is refused', async () => {
      const foreign = `${config.dbName}_test_theirs`;
      if (name === 'sqlite' || name === 'libsql') {
        const { writeFile, rm } = await import('node:fs/promises');
        await writeFile(foreign, 'not a database');
        await expect(createTestDatabase(singleton(), { worker: 'theirs' })).rejects.toMatchObject({
          code: 'ORM_CONFIG',
        });
        expect(existsSync(foreign)).toBe(true);
        await rm(foreign);
      } else {
        await onServer(adminOf(name, config), `create database ${foreign}`);
        await expect(createTestDatabase(singleton(), { worker: 'theirs' })).rejects.toMatchObject({
          code: 'ORM_CONFIG',
        });
        expect(await listAll()).toContain(foreign);
      }
    });

    test('after the first use, and without migrations', async () => {
      const orm = singleton();
      await createTestDatabase(orm, { worker: '5' }).then(made => open.push(made));
      await orm();
      await expect(createTestDatabase(orm)).rejects.toThrow(/before its first use/);
      const bare = createOrmSingleton({ ...config, entities: [User] } as never, { name: 'bare' });
      await expect(createTestDatabase(bare as never)).rejects.toThrow(/no migrations/);
    });
  });
}
