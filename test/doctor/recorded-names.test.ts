import { assert, asyncProperty, array, boolean, constantFrom, record, type Arbitrary } from 'fast-check';
import { MikroORM, type Options } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { expect, test } from 'vitest';
import { examine } from '../../src/doctor/doctor.js';
import { explicitMigrations } from '../../src/index.js';
import { createDatabase } from '../support/databases.js';

type Kind = 'table' | 'column' | 'data' | 'drop' | 'repeatable';

/** A migration, and what became of it before the app moved to this library. */
interface Step {
  kind: Kind;
  /** `skipped`: its minified name was recorded already. `pending`: written after the last deploy. */
  fate: 'ran' | 'ran twice' | 'skipped' | 'pending';
  /** The name that it has in the table, unless it was built without a minifier. */
  name: string;
  isMinified: boolean;
}

const step: Arbitrary<Step> = record({
  kind: constantFrom<Kind[]>('table', 'column', 'data', 'drop', 'repeatable'),
  fate: constantFrom<Step['fate'][]>('ran', 'ran', 'ran', 'ran twice', 'skipped', 'pending'),
  name: constantFrom('g', 'g', 'a', 'k', 'aB'),
  isMinified: boolean(),
});

const nameOf = (i: number): string => `Migration2026010100000${i}`;

/** What each migration does; all of them count in `runs`, whether or not that can be seen in the schema. */
function sqlOf({ kind }: Step, i: number): string[] {
  const count = `update runs set m${i} = m${i} + 1`;
  return {
    table: [`create table t${i} (id integer)`, count],
    column: [`alter table base add column c${i} integer null`, count],
    data: [count],
    drop: [`drop table if exists t${Math.max(i - 1, 0)}`, count],
    repeatable: [`create table if not exists r${i} (id integer)`, count],
  }[kind];
}

/** Only what leaves the schema as it is can run twice. */
const runsOf = ({ kind, fate }: Step): number =>
  fate === 'ran' ? 1 : fate === 'ran twice' ? (kind === 'table' || kind === 'column' ? 1 : 2) : 0;

test('following the advice never runs a migration twice, and never skips one', async () => {
  let advised = 0;
  await assert(
    asyncProperty(array(step, { minLength: 1, maxLength: 5 }), async steps => {
      const database = await createDatabase('sqlite');
      const columns = steps.map((_, i) => `m${i} integer not null default 0`).join(', ');
      const list = Object.fromEntries(
        steps.map((item, i) => [
          nameOf(i),
          class extends Migration {
            override up(): void {
              sqlOf(item, i).forEach(sql => this.addSql(sql));
            }
          },
        ]),
      );
      const configOf = (): Options =>
        ({
          driver: SqliteDriver,
          dbName: database.config.dbName,
          entities: [],
          discovery: { warnWhenNoEntities: false },
          logger: () => undefined,
          ...explicitMigrations(list, { silent: true, snapshot: false }),
        }) as unknown as Options;
      const run = async <T>(use: (orm: MikroORM) => Promise<T>): Promise<T> => {
        const orm = new MikroORM(configOf()) as MikroORM;
        return use(orm).finally(() => orm.close());
      };
      const execute = (statements: string[]) =>
        run(async orm => {
          for (const sql of statements) {
            await orm.driver.getConnection().execute(sql);
          }
        });
      const before = steps.map(runsOf);
      await execute([
        `create table runs (${columns})`,
        'insert into runs default values',
        'create table base (id integer)',
        'create table mikro_orm_migrations (id integer primary key autoincrement, name text, executed_at datetime default current_timestamp)',
        ...steps.flatMap((item, i) =>
          Array.from({ length: runsOf(item) }, () => [
            ...sqlOf(item, i),
            `insert into mikro_orm_migrations (name) values ('${item.isMinified ? item.name : nameOf(i)}')`,
          ]).flat(),
        ),
      ]);

      const { report } = await examine(configOf());
      const isAsked = report.repair.questions.length > 0;
      const touches = report.repair.sql.some(sql => sql.includes('mikro_orm_migrations'));
      expect(touches && isAsked, 'a question and an answer at once').toBe(false);
      await execute(report.repair.sql);
      const hasMinified = steps.some(item => item.isMinified && runsOf(item) > 0);
      expect(report.ok, JSON.stringify(report.findings)).toBe(!hasMinified);
      if (hasMinified && !isAsked) {
        advised++;
      }
      if (!isAsked) {
        await run(orm => orm.migrator.up());
        const [runs] = await run(orm => orm.driver.getConnection().execute('select * from runs') as Promise<object[]>);
        const expected = before.map(times => Math.max(times, 1));
        expect(Object.values(runs!)).toEqual(expected);
        const after = (await examine(configOf())).report;
        expect(after).toEqual({ ok: true, findings: [], repair: { sql: [], questions: [] } });
      } else {
        // and without an answer nothing can run at all
        await expect(run(orm => orm.migrator.up())).rejects.toThrow(/names that a minifier made/);
      }
      await database.drop();
    }),
    { numRuns: 300, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false },
  );
  expect(advised, 'it does not only ask').toBeGreaterThan(0);
});
