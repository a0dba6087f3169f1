import { AsyncLocalStorage } from 'node:async_hooks';
import { MikroORM, RequestContext, Utils, defineEntity, p, serialize } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { expect, test, vi } from 'vitest';
import { explicitMigrations } from '../src/index.js';
import {
  contextStorage,
  generateCode,
  hasMigrationsTable,
  migrationStatements,
  migrationsTableName,
  migrationsTableSql,
  ownDialect,
  readSchemas,
  schemaHelper,
  sqlConnections,
} from '../src/mikro-orm-internals.js';
import { createDatabase, describeDriver, DRIVERS } from './support/databases.js';

// The shared pool stands on parts of MikroORM and Kysely that are no public API. When a release changes them, this fails
// first, and says which.
for (const driver of DRIVERS) {
  await describeDriver(driver, () => {
    test('the connection builds its Kysely dialect in createKyselyDialect', async () => {
      const database = await createDatabase(driver);
      const orm = new MikroORM({
        ...database.config,
        entities: [],
        discovery: { warnWhenNoEntities: false },
        ensureDatabase: false,
      });
      const [[role, connection]] = sqlConnections(orm) as [ReturnType<typeof sqlConnections>[number]];
      expect(role).toBe('write');
      const createKyselyDialect = connection.createKyselyDialect.bind(connection);
      let calls = 0;
      connection.createKyselyDialect = async options => {
        calls++;
        const dialect = await createKyselyDialect(options);
        for (const method of ['createAdapter', 'createQueryCompiler', 'createIntrospector', 'createDriver'] as const) {
          expect(dialect[method]).toBeTypeOf('function');
        }
        const kyselyDriver = dialect.createDriver();
        for (const method of [
          'init',
          'acquireConnection',
          'releaseConnection',
          'beginTransaction',
          'commitTransaction',
          'rollbackTransaction',
          'savepoint',
          'rollbackToSavepoint',
          'releaseSavepoint',
          'destroy',
        ] as const) {
          expect(kyselyDriver[method], method).toBeTypeOf('function');
        }
        return dialect;
      };
      await orm.connect();
      expect(await orm.checkConnection()).toMatchObject({ ok: true });
      expect(calls, 'it is called once, and its promise awaited').toBe(1);
      expect(connection.connected).toBe(true);
      const isFileBased = driver === 'sqlite' || driver === 'libsql';
      expect('database' in connection).toBe(isFileBased);
      expect(connection.getConnectionSetupSql !== undefined).toBe(isFileBased);
      await orm.close();
      await database.drop();
    });

    test('the SQL of a migration can be collected without its reaching a database', async () => {
      const database = await createDatabase(driver);
      class Migration1 extends Migration {
        override async up(): Promise<void> {
          this.addSql(`create table ${this.driver.getPlatform().quoteIdentifier('a')} (id integer)`);
          await this.execute('create table b (id integer)');
        }
      }
      class Migration2 extends Migration {
        override async up(): Promise<void> {
          this.addSql('drop table a');
          await this.getEntityManager().getConnection().execute('create table c (id integer)');
        }
      }
      const orm = new MikroORM({
        ...database.config,
        entities: [],
        discovery: { warnWhenNoEntities: false },
        ensureDatabase: false,
      }) as MikroORM;
      const quoted = orm.driver.getPlatform().quoteIdentifier('a');
      expect(await migrationStatements(orm, Migration1)).toEqual([
        `create table ${quoted} (id integer)`,
        'create table b (id integer)',
      ]);
      expect(await migrationStatements(orm, { name: 'Migration2', class: Migration2 })).toEqual([]);
      for (const table of ['a', 'b', 'c']) {
        await expect(orm.driver.getConnection().execute(`select * from ${table}`)).rejects.toThrow();
      }
      await orm.close();
      await database.drop();
    });

    test('the schema can be read and compared, and the table of migrations be made, without the Migrator doing so', async () => {
      const database = await createDatabase(driver);
      const Note = defineEntity({ name: 'Note', properties: { id: p.integer().primary() } });
      const orm = new MikroORM({
        ...database.config,
        entities: [Note],
        ensureDatabase: false,
        ...explicitMigrations({}, { snapshot: false }),
      }) as MikroORM;
      await orm.schema.create();
      const { target, actual } = await readSchemas(orm);
      for (const schema of [target, actual]) {
        expect(schema.getTables().map(table => table.getShortestName())).toEqual(['note']);
        expect(
          schema
            .getTables()[0]!
            .getColumns()
            .map(({ name }) => name),
        ).toEqual(['id']);
      }
      expect(await hasMigrationsTable(orm)).toBe(false);
      for (const sql of migrationsTableSql(orm)) {
        await orm.driver.getConnection().execute(sql);
      }
      expect(await hasMigrationsTable(orm)).toBe(true);
      await orm.migrator.logMigration('Migration1');
      const [{ tableName }, rows] = [migrationsTableName(orm), await orm.migrator.getExecuted()];
      expect(tableName).toBe('mikro_orm_migrations');
      expect(rows).toMatchObject([{ id: 1, name: 'Migration1', executed_at: expect.any(Date) }]);
      for (const method of ['createForeignKey', 'createIndex', 'createCheck', 'createTableColumn'] as const) {
        expect(schemaHelper(orm)[method], method).toBeTypeOf('function');
      }
      await orm.close();
      await database.drop();
    });

    test('a connection of its own makes the dialect of the driver, on other options', async () => {
      const database = await createDatabase(driver);
      const orm = new MikroORM({
        ...database.config,
        entities: [],
        discovery: { warnWhenNoEntities: false },
        ensureDatabase: false,
      });
      const dialect = await ownDialect(sqlConnections(orm)[0]![1], {});
      expect(dialect.createDriver).toBeTypeOf('function');
      expect(dialect.createAdapter()).toBeTypeOf('object');
      await database.drop();
    });
  });
}

test('contexts are kept in an AsyncLocalStorage', () => {
  expect(contextStorage(RequestContext)).toBeInstanceOf(AsyncLocalStorage);
});

test('all code is generated at once: no later use generates more', async () => {
  const database = await createDatabase('sqlite');
  const Place = defineEntity({ name: 'Place', embeddable: true, properties: { floor: p.integer() } });
  const Address = defineEntity({
    name: 'Address',
    embeddable: true,
    properties: { city: p.string(), places: () => p.embedded(Place).array() },
  });
  const Person = defineEntity({
    name: 'Person',
    discriminatorColumn: 'kind',
    abstract: true,
    properties: { id: p.integer().primary(), kind: p.string(), name: p.string() },
  });
  const Author = defineEntity({
    name: 'Author',
    extends: Person,
    properties: {
      address: () => p.embedded(Address),
      addresses: () => p.embedded(Address).array(),
      version: p.integer().version(),
      books: () => p.oneToMany(Book).mappedBy('author'),
    },
  });
  const Book = defineEntity({
    name: 'Book',
    properties: { id: p.uuid().primary(), author: () => p.manyToOne(Author), readers: () => p.manyToMany(Author) },
  });
  const Rating = defineEntity({
    name: 'Rating',
    properties: {
      book: () => p.manyToOne(Book).primary(),
      by: () => p.manyToOne(Author).primary(),
      stars: p.integer(),
    },
  });
  const orm = new MikroORM({ ...database.config, entities: [Place, Address, Person, Author, Book, Rating] });
  await orm.schema.create();
  generateCode(orm);
  const generated = vi.spyOn(Utils, 'createFunction');
  const em = orm.em.fork();
  const author = em.create(Author, {
    kind: 'author',
    name: 'a',
    address: { city: 'Graz', places: [{ floor: 1 }] },
    addresses: [{ city: 'Wien', places: [{ floor: 2 }] }],
  });
  const book = em.create(Book, { id: crypto.randomUUID(), author, readers: [author] });
  em.create(Rating, { book, by: author, stars: 1 });
  await em.flush();
  author.address.city = 'Linz';
  author.addresses.push({ city: 'Bern', places: [] });
  await em.flush();
  const other = em.fork();
  const [found] = await other.findAll(Rating, { populate: ['book.readers', 'by.books'] });
  expect(serialize(found!, { populate: ['book.readers', 'by'] })).toMatchObject({
    stars: 1,
    by: { address: { city: 'Linz' } },
  });
  await other.upsert(Book, { id: book.id, author: author.id });
  await other.refresh(found!);
  other.assign(found!, { stars: 2 });
  other.remove(found!);
  await other.flush();
  other.map(Book, { id: 'x', author_id: 1 });
  other.merge(Author, {
    id: 7,
    kind: 'author',
    name: 'b',
    address: { city: 'x', places: [] },
    addresses: [],
    version: 1,
  });
  expect(generated.mock.calls.map(([, code]) => code)).toEqual([]);
  generated.mockRestore();
  await orm.close();
  await database.drop();
});
