import { Collection, defineEntity, MikroORM, p, type Options } from '@mikro-orm/core';
import { expect, test } from 'vitest';
import { createOrmSingleton, explicitEntities } from '../../src/index.js';
import { describeDriver, DRIVERS, type DatabaseConfig } from '../support/databases.js';
import { consult, createOwnDatabase, execute, select, withOrm } from './support/guide-app.js';

const HEALTHY = { ok: true, findings: [], repair: { sql: [], questions: [] } };

/** Relations to one of several entities, one of which has no table name of its own, and embedded objects of several classes. */
function define({ minified }: { minified: boolean }) {
  class Post {
    id!: number;
    labels = new Collection<Label>(this);
  }
  class Photo {
    id!: number;
  }
  class Label {
    id!: number;
  }
  class Comment {
    id!: number;
    on!: Post | Photo;
  }
  abstract class Pet {
    /** As an app may write it that trusts the names of its classes. */
    kind = this.constructor.name.toLowerCase();
    name!: string;
  }
  class Cat extends Pet {
    lives?: number;
  }
  class Dog extends Pet {
    bark?: string;
  }
  class Home {
    street!: string;
    pet!: Pet;
  }
  class Owner {
    id!: number;
    home!: Home;
    pet!: Pet;
    other!: Pet;
    pets: Pet[] = [];
  }
  const classes = { Post, Photo, Label, Comment, Pet, Cat, Dog, Home, Owner };
  const short = {
    Post: 'a',
    Photo: 'b',
    Label: 'l',
    Comment: 'c',
    Pet: 'e',
    Cat: 'f',
    Dog: 'g',
    Home: 'h',
    Owner: 'o',
  };
  const nameOf = (key: keyof typeof classes): string => (minified ? short[key] : key);
  for (const [key, type] of Object.entries(classes)) {
    Object.defineProperty(type, 'name', { value: nameOf(key as keyof typeof classes) });
  }
  const id = p.integer().primary();
  const one = (key: keyof typeof classes, more: object) =>
    defineEntity({ name: nameOf(key), class: classes[key], ...more } as never);
  const pet = () => p.embedded([Cat, Dog] as never);
  const list = {
    Post: one('Post', {
      properties: { id, labels: () => p.manyToMany(Label).discriminator('taggable').pivotTable('taggables').owner() },
    }),
    Photo: one('Photo', { tableName: 'photo', properties: { id } }),
    Label: one('Label', { tableName: 'label', properties: { id } }),
    Comment: one('Comment', {
      tableName: 'comment',
      properties: { id, on: () => p.manyToOne([Post, Photo] as never) },
    }),
    Pet: one('Pet', {
      embeddable: true,
      abstract: true,
      discriminatorColumn: 'kind',
      properties: { kind: p.string(), name: p.string() },
    }),
    Cat: one('Cat', { embeddable: true, extends: Pet, properties: { lives: p.integer().nullable() } }),
    Dog: one('Dog', { embeddable: true, extends: Pet, properties: { bark: p.string().nullable() } }),
    Home: one('Home', { embeddable: true, properties: { street: p.string(), pet } }),
    Owner: one('Owner', {
      tableName: 'owner',
      properties: {
        id,
        pet,
        other: () => pet().object(),
        pets: () => pet().array(),
        home: () => p.embedded(Home).object(),
      },
    }),
  };
  return { ...classes, list };
}

const configOf = (base: DatabaseConfig) =>
  ({ ...base, entities: explicitEntities(define({ minified: false }).list as never) }) as unknown as Options;

/** What a production build has written. */
async function fill(base: DatabaseConfig): Promise<void> {
  const { Post, Photo, Label, Comment, Cat, Dog, Home, Owner, list } = define({ minified: true });
  await withOrm(
    new MikroORM({ ...base, entities: Object.values(list) } as unknown as Options) as MikroORM,
    async orm => {
      await orm.schema.create();
      const em = orm.em.fork();
      const make = <T extends object>(type: new () => T, values: object): T => Object.assign(new type(), values);
      const post = make(Post, { id: 1 });
      const photo = make(Photo, { id: 1 });
      post.labels.add(make(Label, { id: 7 }));
      const tom = make(Cat, { name: 'Tom', lives: 7 });
      const rex = make(Dog, { name: 'Rex', bark: 'loud' });
      em.persist([
        post,
        make(Comment, { id: 1, on: post }),
        make(Comment, { id: 2, on: photo }),
        make(Owner, { id: 1, pet: tom, other: rex, pets: [rex, tom], home: make(Home, { street: 'Elm', pet: tom }) }),
        make(Owner, { id: 2, pet: rex, other: tom, pets: [], home: make(Home, { street: 'Oak', pet: rex }) }),
      ]);
      await em.flush();
    },
  );
}

const PETS = [
  ['Tom is a cat', 'Rex is a dog', 'Rex is a dog, Tom is a cat', 'Elm: Tom is a cat'],
  ['Rex is a dog', 'Tom is a cat', '', 'Oak: Rex is a dog'],
];

/** The app's own reading. */
function readAll(base: DatabaseConfig) {
  const { Post, Comment, Cat, Dog, Owner, list } = define({ minified: false });
  const config = { ...base, entities: explicitEntities(list as never) } as unknown as Options;
  return withOrm(new MikroORM(config) as MikroORM, async orm => {
    const em = orm.em.fork();
    const comments = await em.find(Comment, {}, { populate: ['on'], orderBy: { id: 1 } } as never);
    const posts = await em.find(Post, {}, { populate: ['labels'] } as never);
    const owners = await em.find(Owner, {}, { orderBy: { id: 1 } });
    const tell = (pet: unknown): string =>
      pet instanceof Cat ? `${pet.name} is a cat` : pet instanceof Dog ? `${pet.name} is a dog` : 'nothing';
    return {
      comments: comments.map(({ on }) => on.constructor.name),
      labels: posts.map(({ labels }) => [...labels].map(({ id }) => id)),
      owners: owners.map(({ pet, other, pets, home }) => [
        tell(pet),
        tell(other),
        pets.map(tell).join(', '),
        `${home.street}: ${tell(home.pet)}`,
      ]),
    };
  });
}

for (const driver of DRIVERS) {
  await describeDriver(driver, () => {
    test('types of relations and of embedded objects', async () => {
      const { base, drop } = await createOwnDatabase(driver);
      await fill(base);
      const report = await consult(configOf(base));
      expect(report.repair.questions).toEqual([]);
      const seen = report.findings.map(({ id, message }) => `${id} ${message.split(/ (?:is|has) /)[0]}`);
      expect(seen).toEqual([
        'table-name The table post',
        'join-column The join column taggables.label_id',
        'discriminator taggables.taggable_type',
        'discriminator owner.pet_kind',
        'discriminator comment.on_type',
        'discriminator owner.other->kind',
        'discriminator owner.pets->kind',
        'discriminator owner.home->pet->kind',
      ]);
      await execute(configOf(base), report.repair.sql);
      expect(await readAll(base)).toEqual({ comments: ['Post', 'Photo'], labels: [[7]], owners: PETS });
      expect(await consult(configOf(base))).toEqual(HEALTHY);
      await drop();
    });
  });
}

for (const driver of ['sqlite', 'postgresql', 'mariadb'] as const) {
  await describeDriver(driver, () => {
    test('a type whose table is gone already: a question, and an answer leads to the repair', async () => {
      const { base, drop } = await createOwnDatabase(driver);
      await fill(base);
      await execute(configOf(base), [`alter table a rename to post`]);
      const report = await consult(configOf(base));
      expect(report.repair.sql.join('\n')).not.toContain('on_type');
      expect(report.repair.questions).toEqual([
        expect.stringMatching(/^Which table is a in taggables\.taggable_type/),
        expect.stringMatching(/^Which table is a in comment\.on_type \(1 rows\)\? One of: post, photo\./),
      ]);
      const answers = { 'comment.on_type': { a: 'post' }, 'taggables.taggable_type': { a: 'post' } };
      const { repair } = await consult(configOf(base), { answers });
      expect(repair.questions).toEqual([]);
      await execute(configOf(base), repair.sql);
      expect(await readAll(base)).toMatchObject({ comments: ['Post', 'Photo'], labels: [[7]] });
      await drop();
    });

    test('objects without evidence: a question, and an answer changes nothing but the discriminator', async () => {
      const { base, drop } = await createOwnDatabase(driver);
      await withOrm(new MikroORM(configOf(base)) as MikroORM, orm => orm.schema.create());
      const [bare, other] = [
        '{"name": "x", "kind": "f", "more": [1, null, "kind"]}',
        '{"name": "y", "kind": "bird", "lives": 1}',
      ];
      await execute(configOf(base), [
        `insert into owner (id, pet_kind, pet_name, other, pets, home) values (1, 'cat', 'x', '${bare}', '[${other}, null, ${bare}]', '{"street": "Elm", "pet": null}')`,
      ]);
      const report = await consult(configOf(base));
      expect(report.repair.sql).toEqual([]);
      expect(report.repair.questions).toEqual([
        expect.stringMatching(/^Which class is f in owner\.other->kind \(1 objects\)\? One of: cat, dog\./),
        expect.stringMatching(/^Which class is f in owner\.pets->kind \(1 objects\)/),
      ]);
      const answers = { 'owner.other->kind': { f: 'dog' }, 'owner.pets->kind': { f: 'cat' } };
      const { repair } = await consult(configOf(base), { answers });
      expect(repair.questions).toEqual([]);
      await execute(configOf(base), repair.sql);
      const [row] = await select<{ other: unknown; pets: unknown }>(configOf(base), 'select other, pets from owner');
      const parse = (value: unknown): unknown => (typeof value === 'string' ? JSON.parse(value) : value);
      expect([parse(row!.other), parse(row!.pets)]).toEqual([
        { name: 'x', kind: 'dog', more: [1, null, 'kind'] },
        [{ name: 'y', kind: 'bird', lives: 1 }, null, { name: 'x', kind: 'cat', more: [1, null, 'kind'] }],
      ]);
      await drop();
    });

    test('long arrays: the values are told, and no SQL for each item is printed', async () => {
      const { base, drop } = await createOwnDatabase(driver);
      await withOrm(new MikroORM(configOf(base)) as MikroORM, orm => orm.schema.create());
      const pets = JSON.stringify(Array.from({ length: 101 }, () => ({ kind: 'f', name: 'x', lives: 7 })));
      await execute(configOf(base), [
        `insert into owner (id, pet_kind, pet_name, other, pets, home) values (1, 'cat', 'x', '{"kind": "cat"}', '${pets}', '{}')`,
      ]);
      const { findings, repair } = await consult(configOf(base));
      expect(findings).toMatchObject([{ id: 'discriminator', evidence: [expect.stringContaining('as cat has them')] }]);
      expect(repair.sql).toEqual([]);
      expect(repair.questions).toEqual([
        expect.stringMatching(/^owner\.pets->kind has arrays of up to 101 .*: f is cat\.$/),
      ]);
      await drop();
    });

    test('check() tells of them, too', async () => {
      const { base, drop } = await createOwnDatabase(driver);
      await fill(base);
      await using orm = createOrmSingleton(configOf(base), { name: `polymorphic ${driver}` });
      expect(await orm.check()).toMatchObject({
        ok: false,
        schema: { ok: false, reason: expect.stringContaining('label_id') },
      });
      await execute(configOf(base), ['alter table taggables rename column l_id to label_id']);
      expect(await orm.check()).toMatchObject({
        schema: { reason: expect.stringContaining('taggable_type has the value a') },
      });
      await drop();
    });

    test('three characters: a minifier’s or a newer release’s, which is asked', async () => {
      const { base, drop } = await createOwnDatabase(driver);
      await withOrm(new MikroORM(configOf(base)) as MikroORM, orm => orm.schema.create());
      const json = `'{"kind":"cat","name":"x"}', '[]', '{"street":"Elm"}'`;
      await execute(configOf(base), [
        `insert into owner (id, pet_kind, pet_name, pet_lives, other, pets, home) values (1, 'cow', 'x', 3, ${json}), (2, 'cat', 'y', 4, ${json})`,
      ]);
      const report = await consult(configOf(base));
      expect(report).toMatchObject({
        ok: true,
        findings: [{ id: 'discriminator', severity: 'warning' }],
        repair: { sql: [] },
      });
      expect(report.repair.questions).toEqual([expect.stringMatching(/^What is cow in owner\.pet_kind \(1 rows\)\?/)]);
      const { repair } = await consult(configOf(base), { answers: { 'owner.pet_kind': { cow: 'cat' } } });
      await execute(configOf(base), repair.sql);
      expect(await select(configOf(base), 'select pet_kind from owner where id = 1')).toEqual([{ pet_kind: 'cat' }]);
      await drop();
    });
  });
}
