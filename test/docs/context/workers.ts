// A worker, with the README's entities and the bindings that the docs name.
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver } from '@mikro-orm/sql';
import { DurableObject, env } from 'cloudflare:workers';
import { createClient } from '@libsql/client/web';
import { LibsqlDialect } from '@libsql/kysely-libsql';
import { explicitEntities, mapOrmError, toProblemResponse, withRequestContext } from '../../../src/index.js';
import {
  createEdgeOrm,
  d1,
  durableObject,
  inDurableObject,
  inRequest,
  migrateEdge,
  perRequest,
} from '../../../src/edge/index.js';
import { User, UserSchema } from './entities.js';

declare global {
  /** As `wrangler types` writes it. */
  interface Env extends Cloudflare.Env {}
  namespace Cloudflare {
    interface Env {
      DB: D1Database;
      HYPERDRIVE: Hyperdrive;
      LIBSQL_URL: string;
      LIBSQL_TOKEN: string;
    }
  }
}

export {
  createClient,
  createEdgeOrm,
  d1,
  durableObject,
  DurableObject,
  env,
  inDurableObject,
  inRequest,
  LibsqlDialect,
  mapOrmError,
  migrateEdge,
  perRequest,
  PostgreSqlDriver,
  SqliteDriver,
  toProblemResponse,
  User,
  withRequestContext,
};
export const entities = explicitEntities({ User: UserSchema });
export const orm = createEdgeOrm(
  { driver: SqliteDriver, dbName: 'app', entities },
  d1(() => env.DB),
);
