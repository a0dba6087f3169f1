import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import type { EmOf } from 'mikro-orm-web';
import { closeWith, onError, orm, withEm } from './orm.ts';
import { doWork, page, rows } from './work.ts';

const app = new Hono();
const before = new WeakMap<Request, EmOf<typeof orm>>();
app.get('/health', async c => {
  const health = await orm.check();
  return c.json(health, health.ok ? 200 : 503);
});
app.use(withEm);
app.onError(onError);
app.use('/api/*', async (c, next) => {
  before.set(c.req.raw, c.get('em'));
  await next();
});
app.get('/api/:work', async c => {
  const nested = await Promise.resolve().then(() => c.get('em'));
  const self = async (path: string) => app.request(path);
  return c.json(await doWork(c.req.param('work'), { em: c.get('em'), before: before.get(c.req.raw), nested, self }));
});
app.get('/stream', c => c.body(rows(c.get('em'))));
app.get('/page', async c => c.html(await page(c.get('em'))));

await orm();
const server = serve({ fetch: app.fetch, port: Number(process.env['PORT']), hostname: '127.0.0.1' });
closeWith(server);
