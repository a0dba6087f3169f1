import { Readable } from 'node:stream';
import Fastify from 'fastify';
import type { EmOf } from 'mikro-orm-web';
import { orm, ormPlugin } from './orm.ts';
import { doWork, page, rows } from './work.ts';

const app = Fastify({ return503OnClosing: false });
const before = new WeakMap<object, EmOf<typeof orm>>();
const self = async (path: string): Promise<Response> => {
  const { body, statusCode } = await app.inject(path);
  return new Response(body, { status: statusCode });
};

app.get('/health', async (_, reply) => {
  const health = await orm.check();
  return reply.code(health.ok ? 200 : 503).send(health);
});
await app.register(ormPlugin);
app.addHook('preHandler', async request => void before.set(request, request.em));
app.get<{ Params: { work: string } }>('/api/:work', async request => {
  const nested = await Promise.resolve().then(() => request.em);
  return (await doWork(request.params.work, { em: request.em, before: before.get(request), nested, self })) ?? {};
});
app.get('/stream', (request, reply) => reply.send(Readable.fromWeb(rows(request.em))));
app.get('/page', async (request, reply) => reply.type('text/html').send(await page(request.em)));

await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
