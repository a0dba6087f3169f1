import { App, type LogLevel } from '@daloyjs/core';
import { ormHooks, ormPlugin } from './orm.ts';
import { health } from './routes/health.ts';
import { inventories } from './routes/inventory.ts';
import { orders } from './routes/orders.ts';
import { users } from './routes/users.ts';

/** Not ready before `await app.ready()`. The OpenAPI document is at /openapi.json, and a page for it at /docs. */
export const app = new App({
  openapi: { info: { title: 'Shop', version: '1.0.0' } },
  docs: true,
  logger: { level: (process.env['LOG_LEVEL'] ?? 'info') as LogLevel },
  hooks: ormHooks,
});

app.register(ormPlugin);
app.register(users, { tags: ['Users'] });
app.register(inventories, { tags: ['Inventory'] });
app.register(orders, { tags: ['Orders'] });
app.register(health);
