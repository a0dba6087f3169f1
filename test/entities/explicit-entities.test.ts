import { Collection, EntitySchema, MikroORM, defineEntity, p } from '@mikro-orm/core';
import { Entity, ManyToMany, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { describe, expect, test, vi } from 'vitest';
import { createOrmSingleton, explicitEntities } from '../../src/index.js';

/** What a minifier does: every class of a module gets a short name, and modules don't know of each other's. */
function minified<T extends new (...args: never[]) => object>(cls: T, name: string): T {
  Object.defineProperty(cls, 'name', { value: name, configurable: true });
  return cls;
}

/** The guide's form, in a bundle: name and class, and the class has lost its name. */
function defineDomain() {
  const Article = minified(
    class {
      id!: number;
      title!: string;
      tags = new Collection<InstanceType<typeof Tag>>(this);
    },
    'l',
  );
  const Tag = minified(
    class {
      id!: number;
      name!: string;
    },
    'i',
  );
  const TagSchema = defineEntity({
    name: 'Tag',
    class: Tag,
    tableName: 'tag',
    properties: { id: p.integer().primary(), name: p.string() },
  });
  const ArticleSchema = defineEntity({
    name: 'Article',
    class: Article,
    tableName: 'article',
    properties: { id: p.integer().primary(), title: p.string(), tags: () => p.manyToMany(Tag) },
  });
  return { Article, Tag, ArticleSchema, TagSchema };
}

function defineAnimals() {
  const Animal = minified(
    class {
      id!: number;
      type!: string;
    },
    'a',
  );
  const Dog = minified(
    class extends Animal {
      licence?: string;
    },
    'c',
  );
  const Cat = minified(
    class extends Animal {
      lives?: number;
    },
    'o',
  );
  const AnimalSchema = defineEntity({
    name: 'Animal',
    class: Animal,
    tableName: 'animal',
    discriminatorColumn: 'type',
    properties: { id: p.integer().primary(), type: p.string() },
  });
  const DogSchema = defineEntity({
    name: 'Dog',
    class: Dog,
    extends: Animal,
    properties: { licence: p.string().nullable() },
  });
  const CatSchema = defineEntity({
    name: 'Cat',
    class: Cat,
    extends: Animal,
    properties: { lives: p.integer().nullable() },
  });
  return { Animal, Dog, Cat, AnimalSchema, DogSchema, CatSchema };
}

type Entities = ConstructorParameters<typeof MikroORM>[0]['entities'];
async function open(entities: Entities): Promise<MikroORM> {
  const orm = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: entities! });
  await orm.schema.create();
  return orm as never;
}

describe('names that a minifier changed', () => {
  test("the guide's pattern loses join columns; keys keep them", async () => {
    const guide = defineDomain();
    const broken = await open([guide.ArticleSchema, guide.TagSchema]);
    expect(await broken.schema.getCreateSchemaSQL()).toContain('`l_id`');
    await broken.close();

    const { Article, Tag, ArticleSchema, TagSchema } = defineDomain();
    const orm = await open(explicitEntities({ Article: ArticleSchema, Tag: TagSchema }));
    const sql = await orm.schema.getCreateSchemaSQL();
    expect(sql).toContain('create table `article_tags` (`article_id`');
    expect(sql).not.toMatch(/`[a-z]_id`/);
    const em = orm.em.fork();
    const article = em.create(Article, { title: 'Hello' } as never);
    article.tags.add(em.create(Tag, { name: 'orm' } as never));
    await em.flush();
    const [loaded] = await orm.em.fork().find(Article, {}, { populate: ['tags'] as never });
    expect(loaded!.tags.getItems().map(tag => tag.name)).toEqual(['orm']);
    await orm.close();
  });

  test("the guide's pattern stores the minified class as discriminator; keys store the name", async () => {
    const stored = async (entities: Entities, Dog: new () => object) => {
      const orm = await open(entities);
      const em = orm.em.fork();
      em.create(Dog, { licence: 'x' } as never);
      await em.flush();
      const [row] = (await orm.driver.getConnection().execute('select type from animal')) as { type: string }[];
      expect(await orm.em.fork().find(Dog, {})).toHaveLength(1);
      await orm.close();
      return row!.type;
    };
    const guide = defineAnimals();
    expect(await stored([guide.AnimalSchema, guide.DogSchema, guide.CatSchema], guide.Dog)).toBe('c');
    const own = defineAnimals();
    expect(
      await stored(explicitEntities({ Animal: own.AnimalSchema, Dog: own.DogSchema, Cat: own.CatSchema }), own.Dog),
    ).toBe('dog');
  });

  test('decorated classes', async () => {
    class LabelClass {
      id!: number;
      name!: string;
    }
    PrimaryKey({ type: 'integer' })(LabelClass.prototype as never, 'id' as never);
    Property({ type: 'string' })(LabelClass.prototype, 'name');
    class PostClass {
      id!: number;
      labels = new Collection<object>(this);
    }
    PrimaryKey({ type: 'integer' })(PostClass.prototype, 'id');
    ManyToMany({ entity: () => LabelClass })(PostClass.prototype as never, 'labels' as never);
    const [Label, Post] = [minified(LabelClass, 'e'), minified(PostClass, 't')];
    Entity()(Label);
    Entity()(Post);
    const orm = await open(explicitEntities({ Post, Label }));
    expect(await orm.schema.getCreateSchemaSQL()).toContain(
      'create table `post_labels` (`post_id` integer not null, `label_id`',
    );
    await orm.close();
  });

  test('schemas without class, embeddables, abstract bases, virtual entities and TPT', async () => {
    const Base = minified(
      class {
        id!: number;
      },
      'r',
    );
    const BaseSchema = defineEntity({
      name: 'BaseEntity',
      class: Base,
      abstract: true,
      properties: { id: p.integer().primary() },
    });
    const Social = defineEntity({ name: 'Social', embeddable: true, properties: { twitter: p.string().nullable() } });
    const User = minified(
      class extends Base {
        name!: string;
      },
      'n',
    );
    const UserSchema = defineEntity({
      name: 'User',
      class: User,
      extends: Base,
      properties: { name: p.string(), social: () => p.embedded(Social).nullable() },
    });
    const Comment = defineEntity({
      name: 'Comment',
      extends: Base,
      properties: { text: p.string(), author: () => p.manyToOne(User) },
    });
    const Listing = defineEntity({
      name: 'Listing',
      expression: 'select name from user',
      properties: { name: p.string() },
    });
    const Party = minified(
      class {
        id!: number;
      },
      'u',
    );
    const Company = minified(
      class extends Party {
        vat!: string;
      },
      's',
    );
    const PartySchema = defineEntity({
      name: 'Party',
      class: Party,
      inheritance: 'tpt',
      properties: { id: p.integer().primary() },
    });
    const CompanySchema = defineEntity({
      name: 'Company',
      class: Company,
      extends: Party,
      properties: { vat: p.string() },
    });
    const entities = explicitEntities({
      BaseEntity: BaseSchema,
      Social,
      User: UserSchema,
      Comment,
      Listing,
      Party: PartySchema,
      Company: CompanySchema,
    });
    const orm = await open(entities);
    const tables = [...(await orm.schema.getCreateSchemaSQL()).matchAll(/create table `(\w+)`/g)]
      .map(match => match[1])
      .sort();
    expect(tables).toEqual(['comment', 'company', 'party', 'user']);
    const em = orm.em.fork();
    em.create(User, { name: 'Ann', social: { twitter: 'x' } } as never);
    em.create(Company, { vat: '1' } as never);
    await em.flush();
    expect(await orm.em.fork().find(Listing as EntitySchema, {})).toMatchObject([{ name: 'Ann' }]);
    expect(await orm.em.fork().find(Company, {})).toMatchObject([{ vat: '1' }]);
    await orm.close();
  });
});

describe('refusals name all offenders and the line to write', () => {
  const { Article, ArticleSchema, TagSchema } = defineDomain();
  test.each([
    ['an array', [ArticleSchema], /names come from keys\. Write explicitEntities\(\{ User: UserSchema, Article \}\)/],
    ['nothing', {}, /nothing is in it\. Write explicitEntities/],
    [
      'undefined',
      { Article: undefined, Tag: TagSchema, Comment: undefined },
      /Article is undefined: a circular import\?.*Comment is undefined/,
    ],
    ['two keys for one class', { Article: ArticleSchema, Post: Article }, /Article and Post are one class/],
    [
      'a key that ends in Schema',
      { ArticleSchema, TagSchema },
      /article_schema_id, write `Article: ArticleSchema`; TagSchema .*write `Tag: TagSchema`/,
    ],
    ['something else', { Article: 'article' }, /Article is string, and neither an entity class nor/],
  ])('%s', (_what, entities, message) => {
    expect(() => explicitEntities(entities as never)).toThrow(message);
    expect(() => explicitEntities(entities as never)).toThrow(expect.objectContaining({ code: 'EXPLICIT_NAME' }));
  });

  test('in development, undefined may also come from a file that was read while it was saved', () => {
    const refused = () => explicitEntities({ Article: undefined } as never);
    expect(refused).toThrow(/a circular import\?.*read while it was being saved\? Then save it again/);
    vi.stubEnv('NODE_ENV', 'production');
    expect(refused).toThrow(/a circular import\? Import it from the file that defines it\. Write/);
    vi.unstubAllEnvs();
  });

  test('an export that a circular import has not reached', () => {
    const namespace = {
      get Article(): never {
        throw new ReferenceError("Cannot access 'Article' before initialization");
      },
    };
    expect(() => explicitEntities(namespace)).toThrow(/Article is undefined: a circular import\?/);
  });

  test('a refusal changes no name', () => {
    const domain = defineDomain();
    expect(() => explicitEntities({ Article: domain.ArticleSchema, TagSchema: domain.TagSchema })).toThrow();
    expect(domain.ArticleSchema.meta.className).toBe('l');
  });

  test('an entity that only a relation leads to', async () => {
    const domain = defineDomain();
    const orm = createOrmSingleton({
      driver: SqliteDriver,
      dbName: ':memory:',
      entities: explicitEntities({ Article: domain.ArticleSchema }),
    });
    await expect(orm()).rejects.toThrow(/missing in explicitEntities: i \(through Article\.tags\)\. List each/);
  });

  test('a concrete parent, whose discriminator would be minified', async () => {
    const { DogSchema } = defineAnimals();
    const orm = createOrmSingleton({
      driver: SqliteDriver,
      dbName: ':memory:',
      entities: explicitEntities({ Dog: DogSchema }),
    });
    await expect(orm()).rejects.toThrow(/missing in explicitEntities: a\. List each/);
  });

  test('a concrete base with a table of its own; one without a table needs no name', async () => {
    const singletonOf = (options: { abstract?: boolean }) => {
      class Base {
        id!: number;
      }
      class Note extends Base {
        text!: string;
      }
      minified(Base, 'h');
      defineEntity({ name: 'h', class: Base, ...options, properties: { id: p.integer().primary() } } as never);
      const NoteSchema = defineEntity({
        name: 'n',
        class: minified(Note, 'n'),
        extends: Base,
        tableName: 'note',
        properties: { text: p.string() },
      });
      return createOrmSingleton({
        driver: SqliteDriver,
        dbName: ':memory:',
        entities: explicitEntities({ Note: NoteSchema as never }),
      });
    };
    await expect(singletonOf({})()).rejects.toThrow(/missing in explicitEntities: h\. List each/);
    await using orm = singletonOf({ abstract: true });
    await orm();
  });

  test('a pivot entity of their own', async () => {
    const { Tag, TagSchema } = defineDomain();
    const Post = minified(
      class {
        id!: number;
        tags = new Collection<object>(this);
      },
      'h',
    );
    const PostTag = minified(
      class {
        post!: object;
        tag!: object;
      },
      'q',
    );
    const PostTagSchema = defineEntity({
      name: 'PostTag',
      class: PostTag,
      properties: { post: () => p.manyToOne(Post).primary(), tag: () => p.manyToOne(Tag).primary() },
    });
    const PostSchema = defineEntity({
      name: 'Post',
      class: Post,
      properties: { id: p.integer().primary(), tags: () => p.manyToMany(Tag).pivotEntity(() => PostTag) },
    });
    const open = (entities: Record<string, never>) =>
      createOrmSingleton({ driver: SqliteDriver, dbName: ':memory:', entities: explicitEntities(entities) })();
    const listed = { Post: PostSchema, Tag: TagSchema } as never as Record<string, never>;
    await expect(open(listed)).rejects.toThrow(/missing in explicitEntities: q\b/);
    const orm = await open({ ...listed, PostTag: PostTagSchema as never });
    expect(await orm.schema.getCreateSchemaSQL()).toContain('create table `post_tag` (`post_id`');
    await orm.close();
  });
});
