import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Collection, defineEntity, MikroORM, p, type Options } from '@mikro-orm/core';
import { PgliteDriver } from '@mikro-orm/pglite';
import { Migration } from '@mikro-orm/migrations';
import { explicitEntities, explicitMigrations, type ExplicitMigrationsOptions } from '../../../src/index.js';
import { examine, type DoctorOptions } from '../../../src/doctor/doctor.js';
import { createDatabase, type DatabaseConfig, type DriverName, type TestDatabase } from '../../support/databases.js';

/** Names as a production build leaves them: classes of one module share a scope, those of different modules may collide. */
const MINIFIED = { Article: 'n', Tag: 'l', Animal: 'i', Dog: 'k', Cat: 'm', Owner: 'l', AuditLog: 'h' };

/** The entities of an app by the guide, which names tables and nothing else; minified, as in its production build. */
export function entitiesOf({ minified }: { minified: boolean }) {
  const named = <T extends abstract new () => object>(key: keyof typeof MINIFIED, type: T): T =>
    Object.defineProperty(type, 'name', { value: minified ? MINIFIED[key] : key });
  class Tag {
    id!: number;
    name!: string;
  }
  class Article {
    id!: number;
    title!: string;
    tags = new Collection<Tag>(this);
  }
  class Owner {
    id!: number;
    name!: string;
  }
  abstract class Animal {
    id!: number;
    type!: string;
    name!: string;
    owners = new Collection<Owner>(this);
  }
  class Dog extends Animal {
    bark?: string;
  }
  class Cat extends Animal {
    lives?: number;
  }
  class AuditLog {
    id!: number;
    message!: string;
  }
  const [article, tag, owner] = [named('Article', Article), named('Tag', Tag), named('Owner', Owner)];
  const [animal, dog, cat, log] = [
    named('Animal', Animal),
    named('Dog', Dog),
    named('Cat', Cat),
    named('AuditLog', AuditLog),
  ];
  const name = (type: { name: string }): string => type.name;
  const id = p.integer().primary();
  const TagSchema = defineEntity({
    name: name(tag),
    class: tag,
    tableName: 'tag',
    properties: { id, name: p.string() },
  });
  const ArticleSchema = defineEntity({
    name: name(article),
    class: article,
    tableName: 'article',
    properties: { id, title: p.string(), tags: () => p.manyToMany(tag) },
  });
  const OwnerSchema = defineEntity({
    name: name(owner),
    class: owner,
    tableName: 'owner',
    properties: { id, name: p.string() },
  });
  const AnimalSchema = defineEntity({
    name: name(animal),
    class: animal,
    tableName: 'animal',
    abstract: true,
    discriminatorColumn: 'type',
    properties: { id, name: p.string(), owners: () => p.manyToMany(owner) },
  });
  const DogSchema = defineEntity({
    name: name(dog),
    class: dog,
    extends: animal as never,
    properties: { bark: p.string().nullable() },
  });
  const CatSchema = defineEntity({
    name: name(cat),
    class: cat,
    extends: animal as never,
    properties: { lives: p.integer().nullable() },
  });
  // the guide's own omission: no table name, so that the table is called after the class
  const AuditLogSchema = defineEntity({ name: name(log), class: log, properties: { id, message: p.string() } });
  const list = {
    Article: ArticleSchema,
    Tag: TagSchema,
    Owner: OwnerSchema,
    Animal: AnimalSchema,
    Dog: DogSchema,
    Cat: CatSchema,
    AuditLog: AuditLogSchema,
  };
  return { Article, Tag, Owner, Animal, Dog, Cat, AuditLog, list };
}

/** The app's migrations, as they were written before it was built. The second one must never run twice. */
export class Migration20260101000000 extends Migration {
  override up(): void {
    this.addSql('create table account (cents integer)');
    this.addSql('insert into account values (50000)');
  }
}
export class Migration20260202000000 extends Migration {
  override up(): void {
    this.addSql('update account set cents = cents * 100');
  }
}
/** Written after the last deploy, which would have skipped it. */
export class Migration20260303000000 extends Migration {
  override up(): void {
    this.addSql('alter table account add column note varchar(20) null');
  }
}

const MIGRATIONS = { Migration20260101000000, Migration20260202000000 };

/** A database that the production build of an app by the guide has filled, and the app as it is in its sources. */
export async function createGuideDatabase(driver: DriverName, { names = ['g', 'g'] }: { names?: string[] } = {}) {
  const { base, drop } = await createOwnDatabase(driver);
  const build = entitiesOf({ minified: true });
  const { Article, Tag, Owner, Dog, Cat, AuditLog } = build;
  await withOrm(
    new MikroORM({ ...base, entities: Object.values(build.list), ...explicitMigrations(MIGRATIONS, QUIET) } as Options),
    async orm => {
      await orm.schema.create();
      await orm.migrator.up();
      const connection = orm.driver.getConnection();
      for (const [i, name] of names.entries()) {
        await connection.execute(`update mikro_orm_migrations set name = '${name}' where id = ${i + 1}`);
      }
      const em = orm.em.fork();
      const tags = [1, 2, 3].map(i => em.create(Tag, { id: i, name: `tag ${i}` } as never));
      const articles = [1, 2].map(i => em.create(Article, { id: i, title: `article ${i}` } as never));
      const owners = [1, 2].map(i => em.create(Owner, { id: i, name: `owner ${i}` } as never));
      const rex = em.create(Dog, { id: 1, name: 'Rex', bark: 'loud' } as never);
      const tom = em.create(Cat, { id: 2, name: 'Tom', lives: 7 } as never);
      em.create(AuditLog, { id: 1, message: 'kept' } as never);
      em.persist([...tags, ...articles, ...owners, rex, tom]);
      (articles[0] as unknown as { tags: Collection<object> }).tags.add(tags as never);
      (rex as unknown as { owners: Collection<object> }).owners.add(owners as never);
      (tom as unknown as { owners: Collection<object> }).owners.add(owners[1] as never);
      await em.flush();
    },
  );
  return { base, drop };
}

/** An empty database that several ORMs can open, one after the other. */
export async function createOwnDatabase(driver: DriverName): Promise<{ base: DatabaseConfig; drop(): Promise<void> }> {
  const database = driver === 'pglite' ? await createPgliteFolder() : await createDatabase(driver);
  const base = {
    ...database.config,
    discovery: { warnWhenNoEntities: false },
    logger: () => undefined,
  } as DatabaseConfig;
  return { base, drop: () => database.drop() };
}

/** In memory, each ORM would have a database of its own. */
async function createPgliteFolder(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
  return {
    config: { driver: PgliteDriver, dbName: join(folder, 'data') } as DatabaseConfig,
    drop: () => rm(folder, { recursive: true, force: true }),
  };
}

export const QUIET = { silent: true, snapshot: false, snapshotOnMigrate: false } as ExplicitMigrationsOptions;

/** The app as it is after it moved to this library. */
export function appConfig(
  base: DatabaseConfig,
  migrations: Record<string, unknown> = MIGRATIONS,
  options: ExplicitMigrationsOptions = {},
) {
  const entities = entitiesOf({ minified: false });
  const config = {
    ...base,
    entities: explicitEntities(entities.list as never),
    ...explicitMigrations(migrations, { ...QUIET, ...options }),
  } as Options;
  return { config, entities };
}

export const consult = async (config: Options, options?: DoctorOptions) => (await examine(config, options)).report;

export async function withOrm<T>(orm: MikroORM, use: (orm: MikroORM) => Promise<T>): Promise<T> {
  try {
    return await use(orm);
  } finally {
    await orm.close();
  }
}

/** Runs statements one after the other, on one connection. */
export async function execute(config: Options, statements: readonly string[]): Promise<void> {
  await withOrm(new MikroORM({ ...config, pool: { min: 1, max: 1 } } as Options) as MikroORM, async orm => {
    for (const sql of statements) {
      await orm.driver.getConnection().execute(sql);
    }
  });
}

/** Rows of a statement. */
export const select = <T>(config: Options, sql: string): Promise<T[]> =>
  withOrm(new MikroORM(config) as MikroORM, orm => orm.driver.getConnection().execute(sql) as Promise<T[]>);

/**
 * What MikroORM would change, but for tables that only migrations know. Its driver for MySQL reads a default of MariaDB's in
 * a way that it would change for ever, in any database.
 */
export const schemaDiff = (base: DatabaseConfig): Promise<string> =>
  withOrm(new MikroORM(appConfig(base).config) as MikroORM, async orm =>
    (await orm.schema.getUpdateSchemaSQL({ dropTables: false, wrap: false }))
      .split('\n')
      .filter(line => !/^alter table `animal` modify `(bark|lives)` \S+ null;$/.test(line))
      .join('\n')
      .trim(),
  );

/** All that {@link createGuideDatabase} has written, as the app reads it. */
export function readAll(base: DatabaseConfig) {
  const { config, entities } = appConfig(base);
  const { Article, Animal, Dog, Cat, AuditLog } = entities;
  return withOrm(new MikroORM(config) as MikroORM, async orm => {
    const em = orm.em.fork();
    const articles = await em.find(Article, {}, { populate: ['tags'], orderBy: { id: 1 } } as never);
    const animals = await em.find(Animal as never, {}, { populate: ['owners'], orderBy: { id: 1 } } as never);
    const names = (items: Iterable<{ id: number }>): number[] => [...items].map(({ id }) => id).sort();
    return {
      articles: (articles as InstanceType<typeof Article>[]).map(({ id, tags }) => [id, names(tags)]),
      animals: (animals as InstanceType<typeof Animal>[]).map(animal => [
        animal.name,
        animal instanceof Dog ? `dog, ${animal.bark}` : animal instanceof Cat ? `cat, ${animal.lives}` : 'neither',
        names(animal.owners),
      ]),
      dogs: await em.count(Dog),
      cats: await em.count(Cat),
      logs: (await em.find(AuditLog, {})).map(({ message }) => message),
      cents: (await orm.driver.getConnection().execute<{ cents: number }[]>('select cents from account'))[0]!.cents,
    };
  });
}

export const ALL = {
  articles: [
    [1, [1, 2, 3]],
    [2, []],
  ],
  animals: [
    ['Rex', 'dog, loud', [1, 2]],
    ['Tom', 'cat, 7', [2]],
  ],
  dogs: 1,
  cats: 1,
  logs: ['kept'],
  cents: 5_000_000,
};

export const MIGRATION_NAMES = Object.keys(MIGRATIONS);
