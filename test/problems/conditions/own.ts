import { LockMode, raw } from '@mikro-orm/core';
import { EVERY, MYSQL, POSTGRES, type Condition, type Ways } from './condition.js';
import { Member, Team } from './schema.js';

/** What MikroORM finds out by itself, on whatever driver. */
export const own: Condition[] = [
  {
    name: 'not found',
    on: EVERY,
    expected: (_, way) => ({
      status: 404,
      code: 'not-found',
      retryable: false,
      entity: way === 'load' ? 'Team' : 'Member',
    }),
    ways: lab => ({
      find: () => lab.em().findOneOrFail(Member, { email: 'none' }),
      load: () => lab.em().getReference(Team, 99, { wrapped: true }).loadOrFail(),
    }),
  },
  {
    name: 'optimistic lock',
    on: EVERY,
    expected: { status: 409, code: 'version-conflict', retryable: false, entity: 'Member' },
    ways: lab => ({
      flush: async () => {
        const em = lab.em();
        const mine = await em.findOneOrFail(Member, 1);
        await lab.em().nativeUpdate(Member, { id: 1 }, { version: 7 });
        mine.nickName = 'changed';
        await em.flush();
      },
      find: () => lab.em().findOne(Member, 1, { lockMode: LockMode.OPTIMISTIC, lockVersion: 99 }),
    }),
  },
  {
    name: 'cursor',
    on: EVERY,
    expected: (_, way) => ({
      status: 400,
      code: 'invalid-cursor',
      retryable: false,
      ...(way === 'garbage' && { entity: 'Member' }),
    }),
    ways: lab => {
      const find = (after: string) => () => lab.em().findByCursor(Member, { first: 1, after, orderBy: { id: 'asc' } });
      return { garbage: find('garbage'), null: find(Buffer.from('null').toString('base64url')) };
    },
  },
  {
    // a cursor comes from the client, in base64url: it may hold anything that JSON can say
    name: 'cursor, forged',
    on: EVERY,
    expected: { status: 400, code: 'invalid-cursor', retryable: false },
    ways: lab => {
      const find = (json: string, orderBy: Record<string, 'asc'>) => () =>
        lab.em().findByCursor(Member, { first: 1, after: Buffer.from(json).toString('base64url'), orderBy });
      const ways: Ways = {
        '[[]]': find('[[]]', { id: 'asc' }),
        '[[[]]]': find('[[[]]]', { id: 'asc' }),
        '[[],[]]': find('[[],[]]', { nickName: 'asc', id: 'asc' }),
        '{"length":1}': find('{"length":1}', { id: 'asc' }),
        '{"length":2}': find('{"length":2,"toJSON":1}', { nickName: 'asc', id: 'asc' }),
        '[[1,2]]': find('[[1,2]]', { id: 'asc' }),
        '[[1,2],1]': find('[[1,2],1]', { nickName: 'asc', id: 'asc' }),
      };
      return POSTGRES.includes(lab.driver)
        ? {
            ...ways,
            '[true]': find('[true]', { id: 'asc' }),
            '[true,1]': find('[true,1]', { nickName: 'asc', id: 'asc' }),
            '[{"constructor":1}]': find('[{"constructor":1}]', { id: 'asc' }),
            '[1] of a string': find('[1]', { nickName: 'asc' }),
          }
        : ways;
    },
  },
  {
    name: "fault: type in an application's own query",
    on: POSTGRES,
    expected: { status: 500, code: 'internal-error', retryable: false },
    ways: lab => ({
      'find, compared with a boolean': () => lab.em().find(Member, { age: { $gt: true } } as never),
      'cursor, a function that is none': () =>
        lab.em().findByCursor(Member, {
          first: 1,
          orderBy: { id: 'asc' },
          where: { [raw('mow_no_such_function(age)')]: 1 } as never,
        }),
      'cursor, equal to a boolean': () =>
        lab.em().findByCursor(Member, { first: 1, orderBy: { id: 'asc' }, where: { age: true } as never }),
    }),
  },
  {
    name: 'kysely before connect',
    on: MYSQL,
    expected: { status: 500, code: 'internal-error', retryable: false },
    ways: lab => ({ 'raw kysely': async () => lab.em(lab.open({})).getKysely() }),
  },
  {
    name: 'required property',
    on: EVERY,
    expected: { status: 422, code: 'required', retryable: false, entity: 'Member', properties: ['nickName'] },
    ways: lab => ({
      flush: async () => {
        const em = lab.em();
        em.create(Member, { email: 'e' } as never);
        await em.flush();
      },
      assign: async () => {
        const em = lab.em();
        em.assign(await em.findOneOrFail(Member, 1), { nickName: null } as never);
      },
    }),
  },
];
