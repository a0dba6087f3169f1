import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { env } from 'cloudflare:workers';
import { explicitEntities } from 'mikro-orm-web';
import { createEdgeOrm, inRequest, perRequest } from 'mikro-orm-web/edge';
import { all } from './entities.js';
import { answer } from './answer.js';

const orm = createEdgeOrm(
  { driver: PostgreSqlDriver, dbName: env.HYPERDRIVE.database, entities: explicitEntities(all) },
  perRequest(driverDialect => driverDialect({ connectionString: env.HYPERDRIVE.connectionString, max: 3 })),
);

export default {
  fetch: (request: Request, _env: unknown, ctx: { waitUntil(promise: Promise<unknown>): void }) =>
    inRequest(ctx, () => answer(orm, request)),
};
