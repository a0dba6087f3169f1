import { MikroORM } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { describe, expect, test, vi } from 'vitest';
import { explicitMigrations } from '../../src/index.js';
import { createDatabase, describeDriver } from '../support/databases.js';

type Renamed = Record<string, string | string[]>;

/** Migrations of which the second must never run twice. */
function migrations() {
  class Migration1 extends Migration {
    override async up(): Promise<void> {
      await this.execute('create table account (cents integer)');
      await this.execute('insert into account values (50000)');
    }
  }
  class Migration2 extends Migration {
    override up(): void {
      this.addSql('update account set cents = cents * 100');
    }
  }
  return { Migration1, Migration2 };
}

/** A database with both migrations, in which the recorded names were changed by `sql`. */
async function left(driver: 'sqlite' | 'postgresql' | 'mariadb', ...sql: string[]) {
  const database = await createDatabase(driver);
  const base = { ...database.config, entities: [], discovery: { warnWhenNoEntities: false } };
  const logger = vi.fn();
  const withOrm = async <T>(renamed: Renamed, list: Record<string, unknown>, use: (orm: MikroORM) => Promise<T>) => {
    const settings = explicitMigrations(list, { silent: true, snapshot: false, renamed });
    const orm = new MikroORM({ ...base, logger, ...settings }) as MikroORM;
    return use(orm).finally(() => orm.close());
  };
  await withOrm({}, migrations(), async orm => {
    await orm.migrator.up();
    for (const statement of sql) {
      await orm.driver.getConnection().execute(statement);
    }
  });
  const rows = async <T>(statement: string): Promise<T[]> =>
    withOrm({}, migrations(), orm => orm.driver.getConnection().execute(statement) as Promise<T[]>);
  return {
    up: (renamed: Renamed = {}, list: Record<string, unknown> = migrations()) =>
      withOrm(renamed, list, async orm => (await orm.migrator.up()).map(({ name }) => name)),
    recorded: async () =>
      (await rows<{ id: number; name: string }>('select id, name from mikro_orm_migrations order by id')).map(
        ({ id, name }) => `${id} ${name}`,
      ),
    cents: async () => (await rows<{ cents: number }>('select cents from account'))[0]!.cents,
    said: () => logger.mock.calls.flat().join('\n'),
    drop: () => database.drop(),
  };
}

for (const driver of ['sqlite', 'postgresql', 'mariadb'] as const) {
  await describeDriver(driver, () => {
    test('several rows of one minified name: nothing is guessed, and an array tells them apart', async () => {
      const database = await left(driver, `update mikro_orm_migrations set name = 'g'`);
      const error = await database.up().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'EXPLICIT_NAME',
        message: expect.stringMatching(
          /minifier made: g\. Nothing was run.*1 g, 2 g.*not recorded.*Migration1, Migration2.*renamed: \{ g: \['…', '…'\] \}/,
        ),
      });
      expect((error as Error).message, 'no name beside another').not.toMatch(/g: '?\[?'Migration/);

      for (const renamed of [
        { g: 'Migration1' },
        { g: ['Migration1'] },
        { g: ['Migration1', 'Migration2', 'Migration1'] },
      ]) {
        await expect(database.up(renamed)).rejects.toThrow(/2 rows.*1 g, 2 g.*g: \['…', '…'\]/);
        expect(await database.recorded()).toEqual(['1 g', '2 g']);
      }

      const renamed = { g: ['Migration1', 'Migration2'] };
      expect(await database.up(renamed)).toEqual([]);
      expect(await database.recorded()).toEqual(['1 Migration1', '2 Migration2']);
      expect(await database.up(renamed), 'and again').toEqual([]);
      expect(await database.cents()).toBe(5_000_000);
      await database.drop();
    });

    test('a migration that is recorded twice, as `renamed` says, keeps one row', async () => {
      const database = await left(driver, `insert into mikro_orm_migrations (name) values ('g'), ('a'), ('a')`);
      const before = await database.recorded();
      await expect(database.up({ g: 'Migration1', a: 'Migration2' })).rejects.toThrow(/2 rows/);
      expect(await database.recorded(), 'all of it, or nothing').toEqual(before);
      expect(await database.up({ g: 'Migration1', a: ['Migration2', 'Migration2'] })).toEqual([]);
      expect(await database.recorded()).toEqual(['1 Migration1', '2 Migration2']);
      expect(database.said()).toMatch(/3 g \(Migration1\), 4 a \(Migration2\), 5 a \(Migration2\)/);
      expect(await database.cents()).toBe(5_000_000);
      await database.drop();
    });
  });
}

describe('the error proposes only what is certain', () => {
  test('one row, and one migration that is not recorded', async () => {
    const database = await left('sqlite', `update mikro_orm_migrations set name = 'g' where id = 2`);
    await expect(database.up()).rejects.toThrow(/minifier made: g\. .*renamed: \{ g: 'Migration2' \}/);
    expect(await database.up({ g: 'Migration2' })).toEqual([]);
    await database.drop();
  });

  test('one row, and several migrations', async () => {
    const database = await left('sqlite', `update mikro_orm_migrations set name = 'g' where id = 2`);
    class Migration3 extends Migration {
      override up(): void {}
    }
    await expect(database.up({}, { ...migrations(), Migration3 })).rejects.toThrow(
      /rows are: 2 g.*not recorded: Migration2, Migration3.*renamed: \{ g: '…' \}/,
    );
    await database.drop();
  });

  test('two rows, and two migrations', async () => {
    const database = await left('sqlite', `update mikro_orm_migrations set name = char(96 + id)`);
    await expect(database.up()).rejects.toThrow(
      /minifier made: a, b\. .*rows are: 1 a, 2 b.*: Migration1, Migration2.*renamed: \{ a: '…', b: '…' \}/,
    );
    await database.drop();
  });

  test('a row, and no migration that it could be', async () => {
    const database = await left('sqlite', `insert into mikro_orm_migrations (name) values ('g')`);
    await expect(database.up()).rejects.toThrow(/rows are: 3 g.*not recorded: none/);
    await database.drop();
  });
});

test.each([
  [{ g: ['Migration1', 'Migration9'] }, /cannot map g to Migration9/],
  [{ g: [] }, /cannot map g to nothing/],
  [{ Migration1: 'Migration2' }, /cannot map Migration1 to Migration2/],
])('`renamed` is checked against the list: %o', (renamed: Renamed, message) => {
  expect(() => explicitMigrations(migrations(), { renamed })).toThrow(message);
});
