import { defineEntity, p } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sql';
import { DurableObject, env } from 'cloudflare:workers';
import { explicitEntities, explicitMigrations, withRequestContext } from 'mikro-orm-web';
import { createEdgeOrm, durableObject, inDurableObject, migrateEdge } from 'mikro-orm-web/edge';
import * as migrations from './migrations/index.js';

const Author = defineEntity({ name: 'Author', properties: { id: p.string().primary(), name: p.string() } });

const orm = createEdgeOrm(
  {
    driver: SqliteDriver,
    dbName: 'room',
    entities: explicitEntities({ Author }),
    ...explicitMigrations(migrations, { silent: true }),
  },
  durableObject(),
);

/** An object that migrates itself before its first request. */
export class Room extends DurableObject {
  constructor(ctx: DurableObjectState, environment: Cloudflare.Env) {
    super(ctx, environment);
    void ctx.blockConcurrencyWhile(() => inDurableObject(ctx.storage, () => migrateEdge(orm)));
  }

  override fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    return inDurableObject(this.ctx.storage, () =>
      withRequestContext(orm, async em => {
        if (pathname === '/add') {
          em.create(Author, { id: crypto.randomUUID(), name: 'new' });
          await em.flush();
        }
        if (pathname === '/restart') {
          this.ctx.abort('restart');
        }
        const names = (await em.findAll(Author, { orderBy: { name: 'asc' } })).map(author => author.name);
        const recorded = await em.getConnection().execute('select name from mikro_orm_migrations order by id');
        return Response.json({ names, recorded: recorded.map(row => (row as { name: string }).name) });
      }),
    );
  }
}

export default {
  fetch: (request: Request) => env.STORE.get(env.STORE.idFromName(request.headers.get('room')!)).fetch(request),
};
