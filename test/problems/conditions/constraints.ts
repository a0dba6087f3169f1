import { EVERY, isMysql, isSqlite, MYSQL, POSTGRES, type Condition } from './condition.js';
import { Booking, Member, Membership, Team } from './schema.js';
import { noPermission, rowSecurity } from './users.js';
import { inserts, only, updates } from './ways.js';

const taken = { status: 409, code: 'unique-violation', retryable: false } as const;
/** SQLite's errors of foreign keys name nothing. */
const broken = { status: 409, code: 'reference-violation', retryable: false } as const;

export const constraints: Condition[] = [
  {
    name: 'unique',
    on: EVERY,
    expected: { ...taken, entity: 'Member', properties: ['email'] },
    ways: lab => inserts(lab, Member, { id: 3, email: 'ada@a.example', nickName: 'n' }),
  },
  {
    name: 'unique, composite',
    on: EVERY,
    expected: { ...taken, entity: 'Member', properties: ['firstName', 'lastName'] },
    ways: lab => inserts(lab, Member, { id: 3, email: 'e', nickName: 'n', firstName: 'Ada', lastName: 'L' }),
  },
  {
    name: 'primary key',
    on: EVERY,
    expected: { ...taken, entity: 'Team', properties: ['id'] },
    ways: lab => inserts(lab, Team, { id: 1, slug: 'other' }),
  },
  {
    name: 'primary key, composite',
    on: EVERY,
    expected: { ...taken, entity: 'Membership', properties: ['member', 'group'] },
    ways: async lab => {
      await lab.em().insert(Membership, { member: 1, group: 1 });
      return inserts(lab, Membership, { member: 1, group: 1 });
    },
  },
  {
    name: 'foreign key, no parent',
    on: EVERY,
    expected: driver =>
      isSqlite(driver)
        ? broken
        : { status: 422, code: 'reference-not-found', retryable: false, entity: 'Member', properties: ['team'] },
    ways: lab => ({
      ...inserts(lab, Member, { id: 3, email: 'e', nickName: 'n', team: 99 }),
      ...only(updates(lab, Member, { team: 99 }), 'nativeUpdate'),
    }),
  },
  {
    name: 'foreign key, children',
    on: EVERY,
    expected: driver =>
      isSqlite(driver)
        ? broken
        : { status: 409, code: 'resource-in-use', retryable: false, entity: 'Member', properties: ['team'] },
    ways: lab => ({
      flush: async () => {
        const em = lab.em();
        em.remove(await em.findOneOrFail(Team, 1));
        await em.flush();
      },
      nativeDelete: () => lab.em().nativeDelete(Team, { id: 1 }),
      nativeUpdate: () => lab.em().nativeUpdate(Team, { id: 1 }, { id: 9 }),
      'raw query builder': () => lab.em().qb(Team).delete({ id: 1 }).execute(),
      'raw SQL': () => lab.run('delete from teams where id = 1'),
    }),
  },
  {
    name: 'not null',
    on: EVERY,
    expected: { status: 422, code: 'required', retryable: false, entity: 'Member', properties: ['nickName'] },
    ways: lab => ({
      ...updates(lab, Member, { nickName: null }),
      ...only(inserts(lab, Member, { id: 3, email: 'e' }), 'insert', 'raw kysely'),
    }),
  },
  {
    // the metadata know the column, but not the table that PostgreSQL names
    name: 'not null, in a partition',
    on: POSTGRES,
    expected: { status: 422, code: 'required', retryable: false },
    ways: async lab => {
      await lab.run('create table parts (id int, slug varchar(9) not null) partition by list (id)');
      await lab.run('create table parts_1 partition of parts for values in (1)');
      return { 'raw SQL': () => lab.run('insert into parts values (1, null)') };
    },
  },
  {
    name: 'check',
    on: EVERY,
    expected: { status: 422, code: 'check-violation', retryable: false, entity: 'Member', properties: ['age'] },
    ways: lab => ({
      ...inserts(lab, Member, { id: 3, email: 'e', nickName: 'n', age: -1 }),
      ...only(updates(lab, Member, { age: -1 }), 'nativeUpdate'),
    }),
  },
  {
    name: 'enum',
    on: EVERY,
    expected: { status: 422, code: 'check-violation', retryable: false, entity: 'Member', properties: ['level'] },
    // a flush does not get that far: the ORM compares with the list
    ways: lab => updates(lab, Member, { level: 'bogus' }),
  },
  {
    name: 'exclusion',
    on: POSTGRES,
    expected: { status: 409, code: 'exclusion-violation', retryable: false, entity: 'Booking', properties: ['roomNo'] },
    ways: async lab => {
      await lab.run('alter table bookings add constraint one_room exclude (room_no with =)');
      await lab.em().insert(Booking, { id: 1, roomNo: 7 });
      return inserts(lab, Booking, { id: 2, roomNo: 7 });
    },
  },
  {
    name: 'foreign key, at commit',
    on: ['sqlite', ...POSTGRES],
    expected: driver =>
      isSqlite(driver)
        ? broken
        : { status: 422, code: 'reference-not-found', retryable: false, entity: 'Member', properties: ['team'] },
    ways: async lab => {
      const foreign = 'members_team_id_foreign';
      if (!isSqlite(lab.driver)) {
        await lab.run(`alter table members alter constraint ${foreign} deferrable initially deferred`);
      }
      return {
        'raw transaction': () =>
          lab.em().transactional(async em => {
            if (isSqlite(lab.driver)) {
              await lab.run('pragma defer_foreign_keys = on', em);
            }
            await em.nativeUpdate(Member, { id: 1 }, { team: 99 });
          }),
      };
    },
  },
  {
    name: 'row-level security',
    on: POSTGRES,
    // the table is only in the text of the message, which is translated
    expected: { status: 403, code: 'forbidden', retryable: false },
    ways: rowSecurity,
  },
  {
    name: 'permission',
    on: [...POSTGRES, ...MYSQL],
    expected: driver => ({
      status: 500,
      code: 'internal-error',
      retryable: false,
      ...(isMysql(driver) && { entity: 'Booking' }),
    }),
    ways: noPermission,
  },
  {
    // a session's settings are the application's: 22023 of PostgreSQL is not only for values
    name: 'unknown role',
    on: [...POSTGRES, ...MYSQL],
    expected: { status: 500, code: 'internal-error', retryable: false },
    ways: lab => ({ 'raw SQL': () => lab.run('set role mow_nobody') }),
  },
];
