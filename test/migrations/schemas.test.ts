import type { MikroORM } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createOrmSingleton, explicitMigrations, type OrmSingleton } from '../../src/index.js';
import {
  createDatabase,
  describeDriver,
  onServer,
  type DatabaseConfig,
  type DriverName,
  type TestDatabase,
} from '../support/databases.js';

class Migration1 extends Migration {
  override up(): void {
    this.addSql('create table note (id integer)');
  }
}
class Migration2 extends Migration {
  override up(): void {
    this.addSql('alter table note add column text varchar(20)');
  }
}

type Schemas = readonly string[] | (() => Promise<readonly string[]>);

let opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(orm => orm.close()));
});

function open(
  config: DatabaseConfig,
  schemas: Schemas | undefined,
  migrations: Record<string, unknown> = { Migration1, Migration2 },
): OrmSingleton<MikroORM> {
  const base = { ...config, entities: [], discovery: { warnWhenNoEntities: false } };
  const orm = createOrmSingleton(
    { ...base, ...explicitMigrations(migrations, { silent: true, snapshot: false }) } as never,
    { name: `schemas ${config.dbName}`, migrate: schemas ? { schemas } : true },
  ) as unknown as OrmSingleton<MikroORM>;
  opened.push(orm);
  return orm;
}

for (const name of ['postgresql', 'mariadb'] as const satisfies DriverName[]) {
  await describeDriver(name, () => {
    let database: TestDatabase;
    let schemas: string[];
    beforeEach(async () => {
      database = await createDatabase(name);
      // a schema of MariaDB is a database
      schemas = ['a', 'Über b', "c'd"].map(schema =>
        name === 'mariadb' ? `${database.config.dbName}_${schema}` : schema,
      );
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map(orm => orm.close()));
      if (name === 'mariadb') {
        for (const schema of schemas) {
          await onServer(database.config, `drop database if exists \`${schema}\``);
        }
      }
      await database.drop();
    });

    test('migrates each of the schemas, and check() says which lacks what', async () => {
      const first = open(database.config, schemas, { Migration1 });
      expect((await first.check()).migrations.pending).toEqual(schemas.map(schema => `${schema}.Migration1`));
      await first();
      expect(await first.check()).toMatchObject({ ok: true, migrations: { ok: true, pending: [] } });
      await first.close();

      const one = open(database.config, [schemas[1]!]);
      await one();
      await one.close();

      const all = open(database.config, async () => schemas);
      expect((await all.check()).migrations).toEqual({
        ok: false,
        pending: [`${schemas[0]}.Migration2`, `${schemas[2]}.Migration2`],
      });
      const orm = await all();
      expect((await all.check()).ok).toBe(true);
      for (const schema of schemas) {
        const quoted = orm.driver.getPlatform().quoteIdentifier(schema);
        expect(await orm.driver.getConnection().execute(`select text from ${quoted}.note`)).toEqual([]);
      }
      const tables: unknown[] = await orm.driver
        .getConnection()
        .execute(
          `select table_name from information_schema.tables where table_schema in ('public', '${database.config.dbName}')`,
        );
      expect(tables, 'none in the schema of the config').toEqual([]);
    });

    test('all that a migration does is done there, in whichever way', async () => {
      class Migration3 extends Migration {
        override async up(): Promise<void> {
          await this.execute('insert into note (id) values (1)');
          await this.getEntityManager().getConnection().execute('update note set id = 2', [], 'run', this.ctx);
          this.addSql('insert into note (id) values (3)');
        }
      }
      const orm = await open(database.config, schemas, { Migration1, Migration3 })();
      for (const schema of schemas) {
        const quoted = orm.driver.getPlatform().quoteIdentifier(schema);
        const rows: unknown = await orm.driver.getConnection().execute(`select id from ${quoted}.note order by id`);
        expect(rows).toEqual([{ id: 2 }, { id: 3 }]);
      }
    });

    test('without `schemas`, it is the one of the config', async () => {
      const orm = open(database.config, undefined);
      expect((await orm.check()).migrations.pending).toEqual(['Migration1', 'Migration2']);
      await orm();
      expect((await orm.check()).ok).toBe(true);
    });

    test('a failure stops there, and the next start goes on', async () => {
      let isFixed = false;
      const seen: string[] = [];
      class Migration3 extends Migration {
        override async up(): Promise<void> {
          seen.push('run');
          await this.execute(isFixed || seen.length !== 2 ? 'select 1' : 'select * from missing');
        }
      }
      const list = { Migration1, Migration3 };
      await expect(open(database.config, schemas, list)()).rejects.toThrow(/missing/);
      await Promise.all(opened.splice(0).map(orm => orm.close()));
      isFixed = true;
      const next = open(database.config, schemas, list);
      expect((await next.check()).migrations.pending).toEqual(
        expect.arrayContaining([`${schemas[1]}.Migration3`, `${schemas[2]}.Migration3`]),
      );
      await next();
      expect(seen).toHaveLength(4);
    });
  });
}

describe('names that are refused', () => {
  test.each([
    ['none', [], /list of names/],
    ['an empty one', ['a', ''], /empty.*""/s],
    ['the same twice', ['a', 'b', 'a'], /twice.*"a"/s],
    ['a space at the end', ['a '], /"a "/],
    ['a dot', ['a.b'], /"a\.b"/],
    ["MikroORM's wildcard", ['*'], /"\*"/],
    ['more than the database keeps', ['a'.repeat(64)], /63 bytes/],
    ['no text', [1 as never], /1\b/],
    ['no list', 'a' as never, /list of names/],
    ['nothing of a function', (async () => undefined) as never, /list of names/],
  ])('%s', async (_what, schemas: Schemas, message) => {
    const { PostgreSqlDriver } = await import('@mikro-orm/postgresql');
    const orm = open({ driver: PostgreSqlDriver, dbName: 'none', port: 1 } as DatabaseConfig, schemas);
    await expect(orm.check()).rejects.toMatchObject({ code: 'ORM_CONFIG', message: expect.stringMatching(message) });
  });

  test('any, of a database without schemas', async () => {
    const database = await createDatabase('sqlite');
    const orm = open(database.config, ['a']);
    await expect(orm()).rejects.toMatchObject({ code: 'ORM_CONFIG', message: expect.stringMatching(/one file each/) });
    await database.drop();
  });

  test('a function that asks the ORM itself, which waits for it', async () => {
    const database = await createDatabase('sqlite');
    const orm: OrmSingleton<MikroORM> = open(database.config, async () => (await orm(), ['a']));
    await expect(orm()).rejects.toMatchObject({ code: 'ORM_CONFIG' });
    await database.drop();
  }, 10_000);
});
