import { SqliteDriver } from '@mikro-orm/sql';
import { DurableObject, env } from 'cloudflare:workers';
import { explicitEntities } from 'mikro-orm-web';
import { createEdgeOrm, durableObject, inDurableObject } from 'mikro-orm-web/edge';
import { all } from './entities.js';
import { answer } from './answer.js';

const orm = createEdgeOrm({ driver: SqliteDriver, dbName: 'app', entities: explicitEntities(all) }, durableObject());

export class Store extends DurableObject {
  override fetch(request: Request): Promise<Response> {
    return inDurableObject(this.ctx.storage, () => answer(orm, request));
  }
}

export default {
  fetch(request: Request): Promise<Response> {
    const name = request.headers.get('object') ?? 'one';
    return env.STORE.get(env.STORE.idFromName(name)).fetch(request);
  },
};
