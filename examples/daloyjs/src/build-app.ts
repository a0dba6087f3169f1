import { App, type LogLevel } from '@daloyjs/core';
import { ormHooks } from './orm.ts';
import { health } from './routes/health.ts';
import { inventories } from './routes/inventory.ts';
import { orders } from './routes/orders.ts';
import { users } from './routes/users.ts';

/**
 * Declares hooks and routes, and opens nothing: for the server, for tests, and for the OpenAPI document, which is also at
 * /openapi.json, with a page for it at /docs.
 */
export function buildApp(): App {
  const app = new App({
    openapi: { info: { title: 'Shop', version: '1.0.0' } },
    docs: true,
    logger: { level: (process.env['LOG_LEVEL'] ?? 'info') as LogLevel },
  });
  app.register(health);
  app.register(users, { tags: ['Users'], hooks: ormHooks });
  app.register(inventories, { tags: ['Inventory'], hooks: ormHooks });
  app.register(orders, { tags: ['Orders'], hooks: ormHooks });
  return app;
}
