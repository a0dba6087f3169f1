import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver } from '@mikro-orm/sql';
import { env } from 'cloudflare:workers';
import { createOrmSingleton, mapOrmError } from 'mikro-orm-web';
import { createEdgeOrm, d1, durableObject, inDurableObject, inRequest, perRequest } from 'mikro-orm-web/edge';
import { Tag, all } from './entities.js';

const entities = Object.values(all);
const sqlite = { driver: SqliteDriver, dbName: 'app', entities };
const ofObject = createEdgeOrm(sqlite, durableObject());
const unbound = createEdgeOrm(
  sqlite,
  d1(() => (env as unknown as { NONE: D1Database }).NONE),
);
let created = 0;
const ofRequest = createEdgeOrm(
  { driver: PostgreSqlDriver, dbName: 'app', entities },
  perRequest(driverDialect => {
    created++;
    return driverDialect({ connectionString: 'postgres://a:b@127.0.0.1:1/none' });
  }),
);
const atModuleScope = { created };
const d1AtModuleScope = createEdgeOrm(sqlite, d1(env.DB))
  .em.fork()
  .count(Tag)
  .catch((error: Error) => error);

/** What is wrong with each: the message of its error. */
const mistakes: Record<string, (ctx: ExecutionContext) => unknown> = {
  singleton: () => createOrmSingleton(sqlite),
  late: () => createEdgeOrm(sqlite, durableObject()),
  noDriver: () => createEdgeOrm({ dbName: 'app' }, durableObject()),
  noDatabase: () => createEdgeOrm(sqlite, undefined as never),
  outsideOfObject: () => ofObject.em.fork().count(Tag),
  noSql: () => inDurableObject({} as never, () => 1),
  outsideOfRequest: () => ofRequest.em.fork().count(Tag),
  noContext: () => inRequest(undefined as never, () => 1),
  afterwards: async ctx => {
    const em = ofRequest.em.fork();
    let go!: () => void;
    const gate = new Promise<void>(resolve => (go = resolve));
    const later = inRequest(ctx, () => ({ query: gate.then(() => em.count(Tag)) }));
    const { query } = await later;
    query.catch(() => undefined);
    go();
    return query;
  },
  unbound: () => unbound.em.fork().count(Tag),
  moduleScope: async () => {
    throw await d1AtModuleScope;
  },
  refused: ctx => inRequest(ctx, () => ofRequest.em.fork().count(Tag)),
  created: () => {
    throw new Error(`created ${atModuleScope.created}`);
  },
};

export default {
  async fetch(request: Request, _env: unknown, ctx: ExecutionContext): Promise<Response> {
    try {
      await mistakes[new URL(request.url).pathname.slice(1)]!(ctx);
      return Response.json('nothing is wrong');
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      return Response.json({ message, code, problem: mapOrmError(error)?.code });
    }
  },
};
