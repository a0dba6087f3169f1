import { defineEntity, EntityCaseNamingStrategy, MikroORM, p } from '@mikro-orm/core';
import { MariaDbDriver } from '@mikro-orm/mariadb';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { DatabaseSchema, SqliteDriver } from '@mikro-orm/sqlite';
import { describe, expect, test } from 'vitest';
import { constraintIndexOf } from '../../../src/problems/metadata/constraint-index.js';
import { mapOrmError } from '../../../src/problems/map-orm-error.js';
import { all } from '../fixtures/entities.js';

const Geo = defineEntity({
  name: 'Geo',
  embeddable: true,
  properties: { lat: p.float(), gridCode: p.string().unique() },
});
const Place = defineEntity({
  name: 'Place',
  embeddable: true,
  properties: { street: p.string(), geo: () => p.embedded(Geo) },
});
const Shop = defineEntity({
  name: 'Shop',
  tableName: 'shop',
  schema: 'market',
  properties: { id: p.integer().primary(), slug: p.string().unique(), place: () => p.embedded(Place) },
});
/** The same table in another schema. */
const OldShop = defineEntity({
  name: 'OldShop',
  tableName: 'shop',
  schema: 'archive',
  properties: { id: p.integer().primary(), oldSlug: p.string().fieldName('slug').unique() },
});
const Vehicle = defineEntity({
  name: 'Vehicle',
  tableName: 'vehicle',
  inheritance: 'tpt',
  properties: { id: p.integer().primary(), plateNo: p.string().unique() },
});
const Truck = defineEntity({
  name: 'Truck',
  tableName: 'truck',
  extends: Vehicle,
  properties: { axleCount: p.integer().check('axle_count > 1'), trailerNo: p.string().unique() },
});
const long = 'propertyWithAVeryLongNameThatNoDatabaseWouldTakeAsItIs';
const Wide = defineEntity({
  name: 'Wide',
  tableName: 'table_with_a_rather_long_name_of_its_own',
  properties: {
    id: p.integer().primary(),
    [long]: p.string().unique(),
    self: () => p.manyToOne(Wide).nullable().foreignKeyName('fk_to_itself'),
    state: p.enum(['a', 'b']),
  },
  uniques: [{ properties: [long, 'state'] as never[] }],
});
const more = [Geo, Place, Shop, OldShop, Vehicle, Truck, Wide];

const orms = {
  sqlite: new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: [...all, Vehicle, Truck, Wide] }),
  postgresql: new MikroORM({ driver: PostgreSqlDriver, dbName: 'app', entities: [...all, ...more] }),
  mariadb: new MikroORM({ driver: MariaDbDriver, dbName: 'app', entities: [...all, ...more] }),
  entityCase: new MikroORM({
    driver: PostgreSqlDriver,
    dbName: 'app',
    entities: [...all, ...more],
    namingStrategy: EntityCaseNamingStrategy,
  }),
};

/** Every constraint that the schema generator would create. */
function generated(orm: MikroORM): { schema?: string | undefined; table: string; constraint: string }[] {
  const metas = [...orm.getMetadata().getAll().values()].filter(meta => !meta.embeddable);
  const schema = DatabaseSchema.fromMetadata(metas as never, orm.config.getPlatform() as never, orm.config);
  return schema.getTables().flatMap(table => {
    const names = [
      ...table
        .getIndexes()
        .filter(index => index.unique || index.primary)
        .map(index => index.keyName),
      ...Object.keys(table.getForeignKeys()),
      ...table.getChecks().map(check => check.name),
    ];
    return names.map(constraint => ({ schema: table.schema, table: table.name, constraint }));
  });
}

describe.each(Object.entries(orms))('%s', (name, orm) => {
  test("finds every name of MikroORM's own schema", () => {
    const index = constraintIndexOf(orm);
    const clues = generated(orm as unknown as MikroORM);
    const left: Record<string, string> = {
      sqlite: 'primary', // SQLite does not name primary keys
      entityCase: 'chk_range', // its SQL is about columns of the other naming strategy
    };
    const wanted = clues.filter(({ constraint }) => constraint !== left[name]);
    const missing = wanted.filter(clue => (index.find([clue])?.properties?.length ?? 0) === 0);
    expect(missing).toEqual([]);
    expect(wanted.length).toBeGreaterThan(25);
  });
});

describe('one property or another', () => {
  const find = (table: string, constraint: string, schema?: string) => {
    const { entity, properties } = constraintIndexOf(orms.postgresql).find([{ schema, table, constraint }]) ?? {};
    return [entity, ...(properties ?? [])];
  };

  test('tables of one name in two schemas', () => {
    expect(find('shop', 'shop_slug_unique', 'market')).toEqual(['Shop', 'slug']);
    expect(find('shop', 'shop_slug_unique', 'archive')).toEqual(['OldShop', 'oldSlug']);
    expect(find('shop', 'shop_slug_unique', 'elsewhere')).toEqual([undefined]);
    expect(find('shop', 'shop_slug_unique')).toEqual([undefined]); // both have it: neither is certain
  });

  test('an embeddable in an embeddable', () => {
    expect(find('shop', 'shop_place_geo_grid_code_unique', 'market')).toEqual(['Shop', 'place.geo.gridCode']);
  });

  test('table per type: the table that has the column', () => {
    expect(find('vehicle', 'vehicle_plate_no_unique')).toEqual(['Vehicle', 'plateNo']);
    expect(find('truck', 'truck_trailer_no_unique')).toEqual(['Truck', 'trailerNo']);
    expect(find('truck', 'truck_axle_count_check')).toEqual(['Truck', 'axleCount']);
    expect(find('truck', 'truck_id_foreign')).toEqual(['Truck', 'id']);
    expect(find('truck', 'truck_pkey')).toEqual(['Truck', 'id']);
  });

  test('a name that the platform truncates', () => {
    const platform = orms.postgresql.config.getPlatform();
    const meta = orms.postgresql.getMetadata().get(Wide);
    const name = platform.getIndexName(meta.tableName, meta.properties[long as never]['fieldNames'], 'unique');
    expect(name).toMatch(/_[0-9a-f]{5}_unique$/);
    expect(find(meta.tableName, name)).toEqual(['Wide', long]);
  });

  test('a collection for its pivot table', () => {
    expect(find('users_tags', 'users_tags_pkey')).toEqual(['User', 'tags']);
    expect(find('users_tags', 'users_tags_tag_id_foreign')).toEqual(['User', 'tags']);
  });

  test('columns of a constraint that metadata lack', () => {
    const index = constraintIndexOf(orms.postgresql);
    const columns = (...names: string[]) => index.find([{ table: 'users', columns: names }])?.properties;
    expect(columns('email_address')).toEqual(['emailAddress']);
    expect(columns('lower(email_address::text)')).toEqual(['emailAddress']);
    expect(columns('first_name', 'mixedCase')).toEqual(['firstName', 'mixedCase']);
    expect(columns('(first_name || last_nm)')).toBe(undefined);
    expect(columns('first_name', 'nope')).toBe(undefined);
    expect(index.find([{ table: 'nope', columns: ['email_address'] }])).toBe(undefined);
  });

  test('the same check in two tables: only what both say', () => {
    const find = (check: string) => constraintIndexOf(orms.sqlite).find([{ constraint: check }]);
    expect(find('status')).toMatchObject({ entity: 'User', properties: ['status'] });
    expect(find('age >= 0')).toMatchObject({ entity: 'User', properties: ['age'] });
    expect(find('chk_range')).toMatchObject({ entity: 'User', properties: ['startNo', 'endNo'] });
  });
});

test('the index is built once, on the first error that has something to find', () => {
  const orm = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: all });
  let reads = 0;
  const storage = orm.getMetadata();
  const getAll = storage.getAll.bind(storage);
  storage.getAll = () => {
    reads += 1;
    return getAll();
  };
  const busy = Object.assign(new Error('UNIQUE constraint failed: orgs.id'), { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' });
  expect(mapOrmError(new TypeError('x'), { orm })).toBe(undefined);
  expect(reads).toBe(0);
  expect(mapOrmError(busy, { orm })?.entity).toBe('Org');
  expect(mapOrmError(busy, { orm })?.entity).toBe('Org');
  expect(reads).toBe(1);
});
