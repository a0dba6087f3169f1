import { DurableObject } from 'cloudflare:workers';
import { defineEntity, p } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sql';
import { explicitEntities, explicitMigrations, withRequestContext } from 'mikro-orm-web';
import { createEdgeOrm, durableObject, inDurableObject, migrateEdge } from 'mikro-orm-web/edge';
import * as migrations from './guestbook-migrations/index.ts';

// keys of the database: an object has real transactions
const Entry = defineEntity({ name: 'Entry', properties: { id: p.integer().primary(), text: p.string() } });

const orm = createEdgeOrm(
  {
    driver: SqliteDriver,
    dbName: 'guestbook',
    contextName: 'guestbook', // several ORMs in one worker are told apart by it
    entities: explicitEntities({ Entry }),
    ...explicitMigrations(migrations, { silent: true, snapshot: false }),
  },
  durableObject(),
);

/** One guestbook for each name, with a database of its own, which it migrates before its first request. */
export class Guestbook extends DurableObject {
  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(() => inDurableObject(ctx.storage, () => migrateEdge(orm)));
  }

  read(): Promise<{ text: string }[]> {
    return inDurableObject(this.ctx.storage, () =>
      withRequestContext(orm, async em => {
        const entries = await em.findAll(Entry, { orderBy: { id: 'desc' }, limit: 50 });
        return entries.map(({ text }) => ({ text }));
      }),
    );
  }

  sign(text: string): Promise<void> {
    return inDurableObject(this.ctx.storage, () =>
      withRequestContext(orm, async em => {
        em.create(Entry, { text });
        await em.flush();
      }),
    );
  }
}
