import { defineEntity, MikroORM, p, type Options } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { describe, expect, test } from 'vitest';
import { explicitEntities } from '../../src/index.js';
import { describeDriver, DRIVERS, type DriverName } from '../support/databases.js';
import {
  ALL,
  appConfig,
  consult,
  createGuideDatabase,
  createOwnDatabase,
  entitiesOf,
  execute,
  MIGRATION_NAMES,
  readAll,
  schemaDiff,
  select,
  withOrm,
} from './support/guide-app.js';

const HEALTHY = { ok: true, findings: [], repair: { sql: [], questions: [] } };

/** A database by the guide with everything repaired, to break one thing in. */
async function createRepaired(driver: DriverName) {
  const { base, drop } = await createGuideDatabase(driver);
  await execute(appConfig(base).config, (await consult(appConfig(base).config)).repair.sql);
  return {
    base,
    drop,
    run: (...sql: string[]) => execute(appConfig(base).config, sql),
    consult: (options?: Parameters<typeof consult>[1]) => consult(appConfig(base).config, options),
    /** Follows the advice, and requires that all is as it was. */
    async follow(sql: readonly string[]) {
      await execute(appConfig(base).config, sql);
      expect(await readAll(base)).toEqual(ALL);
      expect(await schemaDiff(base)).toBe('');
      expect(await consult(appConfig(base).config)).toEqual(HEALTHY);
    },
  };
}

for (const driver of DRIVERS) {
  await describeDriver(driver, () => {
    const isSqlite = driver === 'sqlite' || driver === 'libsql';
    const isPostgresql = driver === 'postgresql' || driver === 'pglite';

    test('discriminators without evidence: a question and no SQL, and an answer leads to it', async () => {
      const database = await createRepaired(driver);
      const loosen = {
        sqlite: ['pragma ignore_check_constraints = on'],
        postgresql: ['alter table animal drop constraint animal_type_check'],
        mysql: ["alter table animal modify type enum('k', 'm', 'cat', 'dog') not null"],
      }[isSqlite ? 'sqlite' : isPostgresql ? 'postgresql' : 'mysql'];
      await database.run(
        ...loosen,
        "update animal set type = 'k', bark = null where id = 1",
        "update animal set type = 'm', lives = null where id = 2",
      );
      const report = await database.consult();
      expect(report).toMatchObject({ ok: false, findings: [{ id: 'discriminator', severity: 'error' }] });
      expect(report.repair.sql).toEqual([]);
      expect(report.repair.questions).toEqual([
        expect.stringMatching(/^Which class is k in animal\.type \(1 rows\)\? One of: cat, dog\./),
        expect.stringMatching(/^Which class is m in animal\.type/),
      ]);
      const answered = await database.consult({ answers: { 'animal.type': { k: 'dog', m: 'cat' } } });
      expect(answered.repair.questions).toEqual([]);
      await execute(appConfig(database.base).config, answered.repair.sql);
      const rows = await select(appConfig(database.base).config, 'select id, type from animal order by id');
      expect(rows).toEqual([
        { id: 1, type: 'dog' },
        { id: 2, type: 'cat' },
      ]);
      await database.drop();
    });

    test('lost foreign keys come back, but not over orphans', async () => {
      const database = await createRepaired(driver);
      await database.run(
        ...(isSqlite
          ? [
              'pragma foreign_keys = off',
              'create table copy as select * from article_tags',
              'drop table article_tags',
              'create table `article_tags` (`article_id` integer not null, `tag_id` integer not null, primary key (`article_id`, `tag_id`))',
              'insert into article_tags select * from copy',
              'drop table copy',
              'create index `article_tags_article_id_index` on `article_tags` (`article_id`)',
              'create index `article_tags_tag_id_index` on `article_tags` (`tag_id`)',
            ]
          : ['article_tags_article_id_foreign', 'article_tags_tag_id_foreign'].map(
              name => `alter table article_tags drop ${isPostgresql ? 'constraint' : 'foreign key'} ${name}`,
            )),
        'insert into article_tags (article_id, tag_id) values (1, 99)',
      );
      const orphaned = await database.consult();
      expect(orphaned.findings.map(({ id }) => id)).toEqual(['foreign-key', 'foreign-key']);
      expect(orphaned.repair.questions).toEqual([
        expect.stringMatching(/^1 rows of article_tags \(tag_id\) refer to rows of tag/),
      ]);
      expect(orphaned.repair.sql.join('\n')).not.toContain('tag_id_foreign');

      await database.run('delete from article_tags where tag_id = 99');
      const report = await database.consult();
      expect(report.repair.questions).toEqual([]);
      await database.follow(report.repair.sql);
      await expect(
        database.run(
          ...(isSqlite ? ['pragma foreign_keys = on'] : []),
          'insert into article_tags (article_id, tag_id) values (1, 99)',
        ),
      ).rejects.toThrow();
      await database.drop();
    });

    test('minified columns without foreign keys: told by their place in the primary key', async () => {
      const { base, drop } = await createGuideDatabase(driver);
      const lose = isSqlite
        ? [
            'pragma foreign_keys = off',
            ...['article_tags', 'animal_owners'].flatMap(table => {
              const columns = table === 'article_tags' ? '`n_id`, `l_id`' : '`i_id`, `l_id`';
              return [
                `create table copy as select * from ${table}`,
                `drop table ${table}`,
                `create table \`${table}\` (${columns.replaceAll('_id`', '_id` integer not null')}, primary key (${columns}))`,
                `insert into ${table} select * from copy`,
                'drop table copy',
                ...columns.split(', ').map(column => {
                  const name = column.replaceAll('`', '');
                  return `create index \`${table}_${name}_index\` on \`${table}\` (${column})`;
                }),
              ];
            }),
          ]
        : ['article_tags n_id', 'article_tags l_id', 'animal_owners i_id', 'animal_owners l_id'].map(text => {
            const [table, column] = text.split(' ');
            const kind = isPostgresql ? 'constraint' : 'foreign key';
            return `alter table ${table} drop ${kind} ${table}_${column}_foreign`;
          });
      await execute(appConfig(base).config, lose);
      const report = await consult(appConfig(base).config);
      expect(report.repair.questions).toEqual([]);
      const seen = report.findings.filter(({ id }) => id === 'join-column').flatMap(({ evidence }) => evidence);
      expect(seen).toHaveLength(4);
      expect(seen.every(line => line!.endsWith('it has the same place in the primary key'))).toBe(true);
      expect(report.findings.filter(({ id }) => id === 'foreign-key')).toHaveLength(4);
      await execute(appConfig(base).config, report.repair.sql);
      expect(await readAll(base)).toEqual(ALL);
      expect(await schemaDiff(base)).toBe('');
      expect(await consult(appConfig(base).config)).toEqual(HEALTHY);
      await drop();
    });

    test('no migrations table: what proves itself is recorded, and nothing where one migration does not', async () => {
      const database = await createRepaired(driver);
      await database.run('drop table mikro_orm_migrations');
      const silent = await database.consult();
      expect(silent).toMatchObject({ ok: false, findings: [{ id: 'no-migrations-table' }], repair: { sql: [] } });
      expect(silent.repair.questions).toEqual([expect.stringMatching(/^Did Migration20260202000000 run\?/)]);

      const { migrationsList = [] } = appConfig(database.base).config.migrations!;
      const only = { [MIGRATION_NAMES[0]!]: (migrationsList[0] as { class: unknown }).class };
      const { config } = appConfig(database.base, only);
      const report = await consult(config);
      expect(report.repair.questions).toEqual([]);
      await execute(config, report.repair.sql);
      expect(await consult(config)).toEqual(HEALTHY);
      await withOrm(new MikroORM(config) as MikroORM, async orm => {
        expect(await orm.migrator.up()).toEqual([]);
        expect((await orm.migrator.getExecuted()).map(({ name }) => name)).toEqual(Object.keys(only));
      });
      await database.drop();
    });

    test('a table that a change has left: dropped if it is a copy, and asked about otherwise', async () => {
      const database = await createRepaired(driver);
      await database.run('create table animal__temp_alter as select * from animal');
      const copy = await database.consult();
      expect(copy.findings.map(({ id }) => id)).toEqual(['leftover-table']);
      await database.follow(copy.repair.sql);

      await database.run(
        'create table animal__temp_alter as select * from animal',
        "update animal__temp_alter set name = 'Max' where id = 1",
      );
      const rows = await database.consult();
      expect(rows.repair.sql).toEqual([]);
      expect(rows.repair.questions).toEqual([
        expect.stringMatching(/^animal__temp_alter has 1 rows that animal lacks/),
      ]);
      await database.drop();
    });

    test('join columns that nothing tells apart: a question and no SQL', async () => {
      const database = await createRepaired(driver);
      await database.run(
        'drop table article_tags',
        'create table article_tags (x_id integer not null, y_id integer not null)',
        'insert into article_tags values (1, 2)',
      );
      const report = await database.consult();
      expect(report.findings.filter(({ id }) => id === 'join-column')).toHaveLength(2);
      expect(report.repair.questions).toHaveLength(2);
      expect(report.repair.sql.join('\n')).not.toContain('rename column');
      await database.drop();
    });
  });
}

await describeDriver('postgresql', driver => {
  /** The app, in a schema of its own. */
  async function createSchemaApp() {
    const { base, drop } = await createOwnDatabase(driver);
    await execute({ ...base, entities: [] } as unknown as Options, ['create schema app']);
    const config = { ...base, schema: 'app', entities: Object.values(entitiesOf({ minified: true }).list) };
    await withOrm(new MikroORM(config as unknown as Options) as MikroORM, async orm => {
      await orm.schema.create();
      await orm.driver.getConnection().execute(`insert into app.animal (name, type, bark) values ('Rex', 'k', 'loud')`);
    });
    const configOf = (migrations?: Record<string, unknown>) =>
      ({ ...appConfig(base, migrations).config, schema: 'app' }) as Options;
    return { configOf, drop };
  }

  test('tables in a schema of their own', async () => {
    const { configOf, drop } = await createSchemaApp();
    await execute(configOf(), (await consult(configOf())).repair.sql);
    expect(await consult(configOf())).toEqual(HEALTHY);
    expect(await select(configOf(), 'select type from app.animal')).toEqual([{ type: 'dog' }]);
    const diff = withOrm(new MikroORM(configOf()) as MikroORM, orm => orm.schema.getUpdateSchemaSQL({ wrap: false }));
    expect((await diff).trim()).toBe('');
    await drop();
  });

  test('a table in another schema proves nothing', async () => {
    const { configOf, drop } = await createSchemaApp();
    class Migration1 extends Migration {
      override up(): void {
        this.addSql('create table public.account (id integer)');
      }
    }
    class Migration2 extends Migration {
      override up(): void {
        this.addSql('update public.account set id = id + 1');
      }
    }
    const config = () => configOf({ Migration1, Migration2 });
    await withOrm(new MikroORM(config()) as MikroORM, orm => orm.migrator.up('Migration1'));
    await execute(config(), [`update app.mikro_orm_migrations set name = 'g'`]);
    const report = await consult(config());
    expect(report.renamed).toBeUndefined();
    expect(report.repair.questions).toEqual([expect.stringMatching(/^Which migrations are the rows 1 \(g\) of\?/)]);
    await drop();
  });
});

describe('recorded names', () => {
  /** Migrations without tables or columns of their own. */
  class Migration1 extends Migration {
    override up(): void {
      this.addSql('update account set cents = cents + 1');
    }
  }
  class Migration2 extends Migration1 {}

  test('migrations that prove nothing: a question, no SQL, and `renamed` is the answer', async () => {
    const { base, drop } = await createGuideDatabase('sqlite');
    const { migrationsList = [] } = appConfig(base).config.migrations!;
    const list = { Migration1, Migration2 };
    const report = await consult(appConfig(base, list).config);
    expect(report.renamed).toBeUndefined();
    expect(report.repair.sql.join('\n')).not.toContain('mikro_orm_migrations');
    expect(report.repair.questions[0]).toMatch(
      /rows 1 \(g\), 2 \(g\) of\?.*Migration1, Migration2\..*renamed: \{ g: \['…', '…'\] \}/,
    );
    const renamed = { g: ['Migration1', 'Migration2'] };
    expect((await consult(appConfig(base, list, { renamed }).config)).renamed).toEqual(renamed);
    expect(migrationsList).toHaveLength(2);
    await drop();
  });

  test('a short table that a migration has made is none of a minifier’s, and a table that is still to come is not missing', async () => {
    const { base, drop } = await createOwnDatabase('sqlite');
    const Org = defineEntity({
      name: 'Org',
      tableName: 'organisation',
      properties: { id: p.integer().primary(), name: p.string() },
    });
    const makes = (table: string) =>
      class extends Migration {
        override up(): void {
          this.addSql(`create table ${table} (id integer not null primary key autoincrement, name text not null)`);
        }
      };
    const Migration20260101000000 = makes('tag'); // of an entity that is gone by now
    const Migration20260202000000 = makes('organisation');
    const configOf = (list: Record<string, unknown>) =>
      ({ ...appConfig(base, list).config, entities: explicitEntities({ Org }) }) as unknown as Options;
    const first = configOf({ Migration20260101000000 });
    await withOrm(new MikroORM(first) as MikroORM, orm => orm.migrator.up());
    expect(await consult(configOf({ Migration20260101000000, Migration20260202000000 }))).toEqual(HEALTHY);
    await execute(first, ['create table abc (id integer not null primary key autoincrement, name text not null)']);
    expect(await consult(configOf({ Migration20260101000000, Migration20260202000000 }))).toEqual(HEALTHY);
    await drop();
  });

  test('a migration is never run by looking at it', async () => {
    const { base, drop } = await createGuideDatabase('sqlite');
    class Migration3 extends Migration {
      override async up(): Promise<void> {
        await this.execute('update account set cents = 0');
        await this.getEntityManager().getConnection().execute('update account set cents = 0');
        await this.driver.execute('update account set cents = 0');
      }
    }
    await consult(appConfig(base, { Migration3 }).config);
    expect(await select(appConfig(base).config, 'select cents from account')).toEqual([{ cents: 5_000_000 }]);
    await drop();
  });
});
