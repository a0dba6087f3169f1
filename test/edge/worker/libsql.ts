import { createClient } from '@libsql/client/web';
import { LibsqlDialect } from '@libsql/kysely-libsql';
import { SqliteDriver } from '@mikro-orm/sql';
import { env } from 'cloudflare:workers';
import { explicitEntities } from 'mikro-orm-web';
import { createEdgeOrm, inRequest, perRequest } from 'mikro-orm-web/edge';
import { answer } from './answer.js';
import { all } from './entities.js';

const orm = createEdgeOrm(
  { driver: SqliteDriver, dbName: 'app', entities: explicitEntities(all) },
  perRequest(() => new LibsqlDialect({ client: createClient({ url: env.LIBSQL_URL }) })),
);

export default {
  fetch: (request: Request, _env: unknown, ctx: ExecutionContext) => inRequest(ctx, () => answer(orm, request)),
};
