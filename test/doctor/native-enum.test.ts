import { defineEntity, MikroORM, p, type Options } from '@mikro-orm/core';
import { expect, test } from 'vitest';
import { explicitEntities } from '../../src/index.js';
import { describeDriver } from '../support/databases.js';
import { consult, createOwnDatabase, execute, select, withOrm } from './support/guide-app.js';

const HEALTHY = { ok: true, findings: [], repair: { sql: [], questions: [] } };

/** A hierarchy whose discriminator is an enum of PostgreSQL's, without items of its own: they come from the names. */
function defineAnimals(names: { Animal: string; Cat: string; Dog: string }) {
  abstract class Animal {
    id!: number;
    type!: string;
  }
  class Cat extends Animal {
    lives?: number;
  }
  class Dog extends Animal {
    bark?: string;
  }
  for (const [name, type] of Object.entries({ Animal, Cat, Dog })) {
    Object.defineProperty(type, 'name', { value: names[name as keyof typeof names] });
  }
  const AnimalSchema = defineEntity({
    name: names.Animal,
    class: Animal,
    tableName: 'animal',
    abstract: true,
    discriminatorColumn: 'type',
    properties: {
      id: p.integer().primary(),
      type: { kind: 'scalar', type: 'string', enum: true, nativeEnumName: 'animal_type' } as never,
    },
  });
  const CatSchema = defineEntity({
    name: names.Cat,
    class: Cat,
    extends: Animal as never,
    properties: { lives: p.integer().nullable() },
  });
  const DogSchema = defineEntity({
    name: names.Dog,
    class: Dog,
    extends: Animal as never,
    properties: { bark: p.string().nullable() },
  });
  return { Animal: AnimalSchema, Cat: CatSchema, Dog: DogSchema };
}

for (const driver of ['postgresql', 'pglite'] as const) {
  await describeDriver(driver, () => {
    /** A database of a production build, with rows, and the app as it is in its sources. */
    async function createAnimals(
      { Cat, Dog, schema }: { Cat: string; Dog: string; schema?: string },
      ...rows: string[]
    ) {
      const { base, drop } = await createOwnDatabase(driver);
      const given = { ...base, ...(schema ? { schema } : {}) };
      const minified = Object.values(defineAnimals({ Animal: 'i', Cat, Dog }));
      await withOrm(new MikroORM({ ...given, entities: minified } as unknown as Options) as MikroORM, async orm => {
        await orm.schema.create();
        for (const sql of rows) {
          await orm.driver.getConnection().execute(sql);
        }
      });
      const config = () =>
        ({
          ...given,
          entities: explicitEntities(defineAnimals({ Animal: 'Animal', Cat: 'Cat', Dog: 'Dog' }) as never),
        }) as unknown as Options;
      const diff = () =>
        withOrm(new MikroORM(config()) as MikroORM, async orm =>
          (await orm.schema.getUpdateSchemaSQL({ wrap: false })).trim(),
        );
      return { config, diff, drop };
    }

    test.each([undefined, 'app'])('values of an enum are renamed, in a transaction (schema %s)', async schema => {
      const prefix = schema ? `${schema}.` : '';
      const { config, diff, drop } = await createAnimals(
        { Cat: 'k', Dog: 'm', ...(schema ? { schema } : {}) },
        `insert into ${prefix}animal (type, lives, bark) values ('k', 7, null), ('m', null, 'loud'), ('k', 9, null)`,
      );
      const report = await consult(config());
      expect(report.findings.map(({ id }) => id)).toEqual(['discriminator', 'check']);
      expect(report.repair.questions).toEqual([]);
      const type = schema ? '"app"."animal_type"' : '"animal_type"';
      expect(report.repair.sql).toEqual([
        'begin',
        `alter type ${type} rename value 'k' to 'cat'`,
        `alter type ${type} rename value 'm' to 'dog'`,
        'commit',
      ]);
      await execute(config(), report.repair.sql);
      expect(await select(config(), `select type, lives from ${prefix}animal order by id`)).toEqual([
        { type: 'cat', lives: 7 },
        { type: 'dog', lives: null },
        { type: 'cat', lives: 9 },
      ]);
      expect(await diff()).toBe('');
      expect(await consult(config())).toEqual(HEALTHY);
      await drop();
    });

    if (driver === 'pglite') {
      return; // the server's code is the same
    }

    test('a value without rows is renamed, too, and names of three characters', async () => {
      const { config, diff, drop } = await createAnimals(
        { Cat: 'abc', Dog: 'abd' },
        `insert into animal (type, lives) values ('abc', 7)`,
      );
      const report = await consult(config());
      expect(report.repair.questions).toEqual([]);
      await execute(config(), report.repair.sql);
      expect(await select(config(), 'select type from animal')).toEqual([{ type: 'cat' }]);
      expect(await diff()).toBe('');
      expect(await consult(config())).toEqual(HEALTHY);
      await drop();
    });

    test('two builds: rows are updated where the right value is there, and added where none is left to rename', async () => {
      const { config, drop } = await createAnimals(
        { Cat: 'cat', Dog: 'k' },
        `alter type animal_type add value 'x'`,
        `insert into animal (type, lives) values ('cat', 7), ('k', 9), ('x', 3)`,
      );
      const report = await consult(config());
      expect(report.repair.questions).toEqual([]);
      await execute(config(), report.repair.sql);
      expect(await select(config(), 'select type from animal order by id')).toEqual(
        Array.from({ length: 3 }, () => ({ type: 'cat' })),
      );
      await execute(config(), [`insert into animal (type, bark) values ('dog', 'loud')`]);
      expect(await consult(config())).toEqual(HEALTHY);
      await drop();
    });

    test('an enum that another column has, too: a question', async () => {
      const { config, drop } = await createAnimals(
        { Cat: 'k', Dog: 'm' },
        `insert into animal (type, lives) values ('k', 7)`,
        'create table other (value animal_type)',
      );
      const report = await consult(config());
      expect(report.repair.sql).toEqual([]);
      expect(report.repair.questions).toEqual([
        expect.stringMatching(/"animal_type".* is the type of other columns, too/),
      ]);
      await drop();
    });

    test('without evidence: a question, and an answer leads to the repair', async () => {
      const { config, drop } = await createAnimals({ Cat: 'k', Dog: 'm' }, `insert into animal (type) values ('k')`);
      const report = await consult(config());
      expect(report.repair.sql).toEqual([]);
      expect(report.repair.questions).toEqual([expect.stringMatching(/^Which class is k in animal\.type/)]);
      const { repair } = await consult(config(), { answers: { 'animal.type': { k: 'dog' } } });
      await execute(config(), repair.sql);
      expect(await select(config(), 'select type from animal')).toEqual([{ type: 'dog' }]);
      expect(await consult(config())).toEqual(HEALTHY);
      await drop();
    });
  });
}
