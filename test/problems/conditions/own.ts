import { LockMode } from '@mikro-orm/core';
import { EVERY, MYSQL, type Condition } from './condition.js';
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
