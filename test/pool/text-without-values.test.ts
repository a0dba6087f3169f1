import { MikroORM, type Constructor } from '@mikro-orm/core';
import { MariaDbDriver } from '@mikro-orm/mariadb';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver } from '@mikro-orm/sqlite';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { textWithoutValues } from '../../src/pool/text-without-values.js';

const PLATFORMS = {
  postgresql: [PostgreSqlDriver, '"'],
  mariadb: [MariaDbDriver, '`'],
  sqlite: [SqliteDriver, '`'],
} as const;

describe.each(Object.entries(PLATFORMS))('what MikroORM writes for %s', (name, [driver, quote]) => {
  const orm = new MikroORM({
    driver: driver as Constructor<PostgreSqlDriver>,
    dbName: 'none',
    entities: [],
    discovery: { warnWhenNoEntities: false },
  });
  const platform = orm.driver.getPlatform();
  const column = `${quote}u0${quote}.${quote}name_2${quote}`;
  const template = `select ${column} from users where ${column} = ? and id = ? or (n2 > ? and x is null)`;

  test('has no value left in it, whatever the values are', () => {
    const value = fc.oneof(
      fc.string({ unit: fc.constantFrom(...`'"\\\`$?-#/*; aE0\n`) }),
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.date({ noInvalidDate: true }),
      fc.uint8Array().map(bytes => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(value, value, fc.nat(), (one, two, three) => {
        const sql = platform.formatQuery(template, [one, two, three]);
        expect(textWithoutValues(sql, name === 'mariadb')).toBe(template);
      }),
      { numRuns: 2_000 },
    );
  });

  test('is one text for lists of any length, and for any number of rows', () => {
    const text = (sql: string, params: unknown[]) =>
      textWithoutValues(platform.formatQuery(sql, params), name === 'mariadb');
    expect(text('id in (?, ?, ?)', [1, 2, 3])).toBe('id in (?)');
    expect(text('id in (?)', ['a'])).toBe('id in (?)');
    expect(text('values (?, ?), (?, ?), (?, ?)', [1, 'a', 2, 'b', 3, 'c'])).toBe('values (?)');
  });
});

test.each([
  // a placeholder, a name with a digit and a cast are no values
  ['select $1::int4, t2.c_3 from "t 4"', false, 'select $1::int4, t2.c_3 from "t 4"'],
  ["select E'it\\'s', U&'\\0061', x'00ff', b'01'", false, 'select ?, ?, ?, ?'],
  ["select '\\', 'secret'", false, 'select ?, ?'],
  ['select $$secret$$, $tag$se$$cret$tag$', false, 'select ?, ?'],
  ["select a #>> '{secret}', data->'secret'", false, 'select a #>> ?, data->?'],
  ['select 1.5e-10, .5, 0xff, -7, a-7, a - 7, (-7)', false, 'select ?, ?, ?, ?, a-?, a - ?, (?)'],
  ["select 1 -- secret\n, /* 'secret' */ 2", false, 'select ? , ?'],
  ["select 'never ends, secret", false, 'select ?'],
  ['select "secret", `name 1` # secret', true, 'select ?, `name 1`'],
  ["select 'it\\'s secret', _utf8mb4 'secret', X'00'", true, 'select ?, ?, ?'],
])('%s', (sql, isMysql, expected) => {
  expect(textWithoutValues(sql, isMysql)).toBe(expected);
});

test('a value of megabytes', () => {
  const large = `${'x'.repeat(4_000_000)}''${'\\y'.repeat(1_000_000)}`;
  expect(textWithoutValues(`insert into a values ('${large}', E'${large}')`, false)).toBe('insert into a values (?)');
  expect(textWithoutValues(`insert into a values ('${large}')`, true)).toBe('insert into a values (?)');
});
