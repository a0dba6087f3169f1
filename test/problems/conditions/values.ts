import { EVERY, isMysql, isSqlite, MYSQL, POSTGRES, SQLITE, type Condition, type Expected } from './condition.js';
import type { DriverName } from '../../support/databases.js';
import { Member, Team } from './schema.js';
import { inserts, only, updates } from './ways.js';

/** MySQL and MariaDB name the column; the others do not. */
const invalid =
  (...properties: string[]) =>
  (driver: DriverName): Expected => ({
    status: 422,
    code: 'invalid-value',
    retryable: false,
    ...(isMysql(driver) && { entity: 'Member', properties }),
  });

const SERVERS_AND_PGLITE = [...POSTGRES, ...MYSQL];

export const values: Condition[] = [
  {
    name: 'value: type',
    on: EVERY,
    expected: invalid('age'),
    ways: lab =>
      isSqlite(lab.driver)
        ? // the one column that SQLite has a type for
          only(inserts(lab, Team, { id: 'x', slug: 's' }), 'insert', 'raw query builder', 'raw kysely', 'raw SQL')
        : updates(lab, Member, { age: 'x' }),
  },
  {
    name: 'value: range',
    on: SERVERS_AND_PGLITE,
    expected: invalid('rankNo'),
    ways: lab => ({
      ...inserts(lab, Member, { id: 3, email: 'e', nickName: 'n', rankNo: 99_999 }),
      ...only(updates(lab, Member, { rankNo: 99_999 }), 'nativeUpdate'),
    }),
  },
  {
    name: 'value: length',
    on: EVERY,
    expected: invalid('shortCode'),
    ways: lab =>
      isSqlite(lab.driver)
        ? { 'raw SQL': () => lab.run('insert into teams values (3, zeroblob(2147483647))') }
        : inserts(lab, Member, { id: 3, email: 'e', nickName: 'n', shortCode: 'too long' }),
  },
  {
    name: 'value: date',
    on: SERVERS_AND_PGLITE,
    expected: invalid('bornOn'),
    ways: lab => updates(lab, Member, { bornOn: '2024-02-31' }),
  },
  {
    name: 'value: Date that is none',
    on: [...SQLITE, ...POSTGRES],
    expected: invalid(),
    ways: lab => only(updates(lab, Member, { bornOn: new Date('x') }), 'nativeUpdate', 'raw query builder'),
  },
  {
    name: 'value: number that is none',
    on: EVERY,
    expected: { status: 422, code: 'invalid-value', retryable: false },
    // what a route makes of `/members/abc` and of 1e999 in JSON
    ways: lab => ({
      find: () => lab.em().findOne(Member, { id: Number('abc') }),
      'find, infinite': () => lab.em().find(Member, { id: { $gt: -Infinity } }),
    }),
  },
  {
    name: 'value: uuid',
    on: POSTGRES,
    expected: invalid(),
    ways: lab => inserts(lab, Member, { id: 3, email: 'e', nickName: 'n', badgeId: 'none' }),
  },
  {
    name: 'value: JSON',
    on: SERVERS_AND_PGLITE,
    expected: invalid('settings'),
    ways: lab => only(updates(lab, Member, { settings: '{' }), 'raw kysely', 'raw SQL'),
  },
  {
    name: 'value: NUL byte',
    on: [...SQLITE, ...POSTGRES],
    expected: invalid(),
    ways: lab => {
      const { 'raw kysely': bound, ...written } = inserts(lab, Member, { id: 3, email: 'a\0b', nickName: 'n' });
      // SQLite stores it, unless it is written into the statement, as MikroORM does
      return isSqlite(lab.driver) ? written : { ...written, 'raw kysely': bound! };
    },
  },
];
