import { SqliteDriver } from '@mikro-orm/sql';
import { env } from 'cloudflare:workers';
import { explicitEntities } from 'mikro-orm-web';
import { createEdgeOrm, d1 } from 'mikro-orm-web/edge';
import { all } from './entities.js';
import { answer } from './answer.js';

const orm = createEdgeOrm(
  { driver: SqliteDriver, dbName: 'app', entities: explicitEntities(all) },
  d1(() => env.DB),
);

export default { fetch: (request: Request) => answer(orm, request) };
