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
      const { ok, database, migrations } = await orm.check();
      const answer = {
        body: { ok, database: database.ok, migrations: migrations.ok },
        headers: { 'cache-control': 'no-store' },
      };
      return ok ? { status: 200, ...answer } : { status: 503, ...answer };
    },
  });
}
