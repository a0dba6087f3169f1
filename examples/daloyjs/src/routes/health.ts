import type { App } from '@daloyjs/core';
import { orm } from '../orm.ts';
import { health as schema } from '../schemas.ts';

export function health(app: App): void {
  app.route({
    method: 'GET',
    path: '/healthz',
    operationId: 'getHealth',
    summary: 'For load balancers and orchestrators. Says what is wrong, and no names',
    responses: { 200: { description: 'Ready', body: schema }, 503: { description: 'Not ready', body: schema } },
    handler: async () => {
      // a check would open the database, which is for the server to do
      const health = orm.current && (await orm.check());
      const { ok = false, database, migrations } = health ?? {};
      const answer = {
        body: { ok, database: database?.ok ?? false, migrations: migrations?.ok ?? false },
        headers: { 'cache-control': 'no-store' },
      };
      return ok ? { status: 200, ...answer } : { status: 503, ...answer };
    },
  });
}
