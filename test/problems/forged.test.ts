import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapOrmError } from '../../src/problems/map-orm-error.js';
import { describeDriver, DRIVERS } from '../support/databases.js';
import { isMysql, isSqlite, openLab, type Expected, type Lab, type Ways } from './conditions/condition.js';
import { Booking, Label, Member, Sticker, Team } from './conditions/schema.js';
import { inserts, only, updates } from './conditions/ways.js';

/** What drivers write into their messages, as a client's value: quotes, keys, names that exist, new lines. */
const FORGED = [
  `'`,
  `"`,
  '`',
  `\\'`,
  `)=(`,
  `x' for key 'teams_slug_unique'`,
  `' for key 'PRIMARY`,
  `for key 'members.members_first_name_family_nm_unique'`,
  `a\n' for key 'members_mail_addr_unique'\n`,
  `1) already exists.\nKey (age)=(1`,
  `Key (nick_name)=(x) is not present in table "teams".`,
  `x), "nick_name")=(y`,
  `(slug)=(`,
  `UNIQUE constraint failed: teams.slug`,
  `\nNOT NULL constraint failed: members.age`,
  `CHECK constraint failed: members_age_check`,
  'CONSTRAINT `teams_slug_unique` UNIQUE',
  '(`app`.`members`, CONSTRAINT `members_team_id_foreign` FOREIGN KEY (`team_id`)',
  `Check constraint 'members_age_check' is violated.`,
  `' for column 'nick_name' at row 1`,
  'for column `app`.`teams`.`slug` at row 1',
  `Column 'mail_addr' cannot be null`,
  `violates foreign key constraint "members_team_id_foreign" on table "members"`,
  `members_age_check`,
  `„a“ «b» ”c”`,
  `insert into teams (slug) values (1)`,
  `? $1 :a %s {}`,
  `;--`,
  `/* x */ insert into \`teams\``,
  `'`.repeat(120),
];

const taken = { status: 409, code: 'unique-violation', retryable: false } as const;
const refused = { status: 422, retryable: false } as const;

for (const driver of DRIVERS) {
  await describeDriver(driver, () => {
    let lab: Lab;
    let close: () => Promise<void>;
    let id = 100;
    const sqlite = isSqlite(driver);
    const values = isMysql(driver) ? [...FORGED, `a\0' for key 'teams_slug_unique`] : FORGED;

    beforeAll(async () => {
      ({ lab, close } = await openLab(driver));
    });
    afterAll(() => close());

    /** Every value has to end in the same problem, by every way. */
    async function all(expected: Expected, waysWith: (value: string, index: number) => Ways | Promise<Ways>) {
      for (const [index, value] of values.entries()) {
        for (const [way, provoke] of Object.entries(await waysWith(value, index))) {
          const error = await provoke().then(
            () => expect.fail(`${way}: ${value} did not throw`),
            (thrown: unknown) => thrown,
          );
          const { status, code, retryable, entity, properties } = mapOrmError(error, lab) ?? {};
          expect({ status, code, retryable, entity, properties }, `${way}: ${value}`).toEqual(expected);
        }
      }
    }

    test('unique', () =>
      all({ ...taken, entity: 'Member', properties: ['email'] }, async value => {
        await lab.em().insert(Member, { id: id++, email: value, nickName: 'n' } as never);
        return inserts(lab, Member, { id: id++, email: value, nickName: value });
      }));

    test('unique, composite', () =>
      all({ ...taken, entity: 'Member', properties: ['firstName', 'lastName'] }, async (value, index) => {
        const names = { firstName: value, lastName: values.at(index - 1) };
        await lab.em().insert(Member, { id: id++, email: `a${id}`, nickName: 'n', ...names } as never);
        return inserts(lab, Member, { id: id++, email: `b${id}`, nickName: value, ...names });
      }));

    test('primary key', () =>
      all({ ...taken, entity: 'Label', properties: ['code'] }, async value => {
        await lab.em().insert(Label, { code: value });
        return inserts(lab, Label, { code: value });
      }));

    test('foreign key, children', () =>
      all(
        sqlite
          ? { status: 409, code: 'reference-violation', retryable: false }
          : { status: 409, code: 'resource-in-use', retryable: false, entity: 'Sticker', properties: ['label'] },
        async value => {
          const code = `used ${value}`;
          await lab.em().insert(Label, { code });
          await lab.em().insert(Sticker, { id: id++, label: code });
          return {
            delete: () => lab.em().nativeDelete(Label, { code }),
            'raw query builder': () => lab.em().qb(Label).delete({ code }).execute(),
          };
        },
      ));

    test('foreign key, no parent', () =>
      all(
        sqlite
          ? { status: 409, code: 'reference-violation', retryable: false }
          : { ...refused, code: 'reference-not-found', entity: 'Sticker', properties: ['label'] },
        value => inserts(lab, Sticker, { id: id++, label: `none ${value}` }),
      ));

    test('check', () =>
      all({ ...refused, code: 'check-violation', entity: 'Member', properties: ['age'] }, value =>
        inserts(lab, Member, { id: id++, email: `c${id}`, nickName: value, age: -1 }),
      ));

    test('not null', () =>
      all({ ...refused, code: 'required', entity: 'Member', properties: ['nickName'] }, value => ({
        ...updates(lab, Member, { lastName: value, nickName: null }),
        ...only(inserts(lab, Member, { id: id++, email: value }), 'insert'),
      })));

    test.skipIf(sqlite)('type', () =>
      all(
        { ...refused, code: 'invalid-value', ...(isMysql(driver) && { entity: 'Member', properties: ['age'] }) },
        value => updates(lab, Member, { lastName: value, age: `no ${value}` }),
      ),
    );

    test.runIf(driver === 'postgresql' || driver === 'pglite')('exclusion', async () => {
      await lab.run('alter table bookings add constraint one_note exclude (note with =)');
      const expected = { status: 409, code: 'exclusion-violation', retryable: false } as const;
      await all({ ...expected, entity: 'Booking', properties: ['note'] }, async note => {
        await lab.em().insert(Booking, { id: id++, roomNo: 1, note });
        return inserts(lab, Booking, { id: id++, roomNo: 1, note });
      });
    });

    test('nothing was changed elsewhere', async () => {
      expect(await lab.em().find(Team, {}, { orderBy: { id: 'asc' } })).toMatchObject([
        { slug: 'one' },
        { slug: 'two' },
      ]);
    });
  });
}
