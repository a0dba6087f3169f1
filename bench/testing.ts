// What a test pays to find the database as it was: a sandbox, truncating, or migrating anew.
import { defineEntity, p, type Options } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { createOrmSingleton, explicitMigrations, type OrmSingleton } from '../dist/index.js';
import { createTestDatabase, openSandbox, truncate } from '../dist/testing.js';
import { createDatabase, dropDerived } from '../test/support/databases.ts';
import { median, rounded } from './support/measure.ts';
import { report, type Figures } from './support/report.ts';

/** Tables of the app, each with a foreign key to the one before. */
const TABLES = 10;
const TESTS = 60;
const COPIES = 9;

const TextSchema = defineEntity({
  name: 'Text',
  tableName: 't0',
  properties: { id: p.integer().primary(), text: p.string() },
});

class Migration20260101000000 extends Migration {
  override up(): void {
    const id = this.driver.getDependencies().includes('pg')
      ? 'serial primary key'
      : 'integer primary key autoincrement';
    for (let i = 0; i < TABLES; i++) {
      const key = i === 0 ? '' : `, parent int references t${i - 1} (id)`;
      this.addSql(`create table t${i} (id ${id}, text varchar(200)${key})`);
    }
  }
}

const times = async (count: number, work: () => Promise<unknown>): Promise<number> => {
  const each: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await work();
    each.push(performance.now() - start);
  }
  return rounded(median(each));
};

const ours: Figures = {};
const other: Figures = {};
const lines: [string, string][] = [];

for (const name of ['sqlite', 'postgresql'] as const) {
  const database = await createDatabase(name);
  const singleton = (config: object = database.config): OrmSingleton =>
    createOrmSingleton(
      {
        ...config,
        entities: [TextSchema],
        ...explicitMigrations({ Migration20260101000000 }, { silent: true, snapshot: false }),
      } as unknown as Options,
      { migrate: true, name: `bench ${Math.random()}` },
    ) as unknown as OrmSingleton;
  const work = async (orm: OrmSingleton): Promise<unknown> =>
    (await orm()).em.fork().insert(TextSchema, { text: 'a test writes a row' });

  const orm = singleton();
  await work(orm);
  const empty = await times(TESTS, async () => (await openSandbox(orm)).rollback());
  const sandboxed = await times(TESTS, async () => {
    await using _ = await openSandbox(orm);
    await work(orm);
  });
  const truncated = await times(TESTS, async () => {
    await work(orm);
    await truncate(orm);
  });
  const migrated = await times(COPIES, async () => {
    const fresh = await createDatabase(name);
    const own = singleton(fresh.config);
    await work(own);
    await own.close();
    await fresh.drop();
  });
  const dropped: (() => Promise<void>)[] = [];
  const copied = await times(COPIES + 1, async () => {
    const copy = await createTestDatabase(singleton(), { worker: dropped.length });
    dropped.push(copy.drop);
  });
  for (const drop of dropped) {
    await drop();
  }
  await orm.close();
  await dropDerived(name, database.config);
  await database.drop();

  Object.assign(ours, {
    [`${name}OpenAndRollBackMilliseconds`]: empty,
    [`${name}SandboxMilliseconds`]: sandboxed,
    [`${name}CopyMilliseconds`]: copied,
  });
  Object.assign(other, { [`${name}TruncateMilliseconds`]: truncated, [`${name}MigrateMilliseconds`]: migrated });
  lines.push(
    [`${name}: openSandbox() and rollback() alone`, `${empty} ms`],
    [`${name}: a test that writes a row, in a sandbox`, `${sandboxed} ms`],
    [`${name}: the same, then truncate() of ${TABLES} tables`, `${truncated} ms`],
    [`${name}: the same, on a database that is created and migrated for it`, `${migrated} ms`],
    [`${name}: createTestDatabase(), from a template`, `${copied} ms`],
  );
}

await report({
  id: 'testing',
  title: 'what a test pays to find the database as it was',
  lines,
  ratio: rounded(ours['postgresqlSandboxMilliseconds']! / other['postgresqlTruncateMilliseconds']!),
  ours,
  guide: other,
});
