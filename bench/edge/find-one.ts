import { defineEntity, p } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sql';
import { env } from 'cloudflare:workers';
import { withRequestContext } from 'mikro-orm-web';
import { createEdgeOrm, d1 } from 'mikro-orm-web/edge';

const User = defineEntity({
  name: 'User',
  properties: { id: p.integer().primary(), email: p.string(), fullName: p.string() },
});
const { DB } = env as unknown as { DB: D1Database };
const orm = createEdgeOrm({ driver: SqliteDriver, dbName: 'app', entities: [User] }, d1(DB));

const ROUNDS = 300;
const variants = {
  raw: () => DB.prepare('select * from `user` where `id` = ? limit 1').bind(1).first(),
  findOne: () => withRequestContext(orm, em => em.findOne(User, 1)),
};

/** Microseconds of each variant, in turns: the clock of a worker moves with each answer of the database. */
export default {
  async fetch(): Promise<Response> {
    await orm.schema.create();
    await orm.em.fork().insert(User, { id: 1, email: 'a@example.com', fullName: 'A' });
    const times = { raw: [] as number[], findOne: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of round % 2 ? (['raw', 'findOne'] as const) : (['findOne', 'raw'] as const)) {
        const start = performance.now();
        for (let i = 0; i < 10; i++) {
          await variants[name]();
        }
        times[name].push((performance.now() - start) * 100);
      }
    }
    return Response.json(times);
  },
};
