import { Readable } from 'node:stream';
import express from 'express';
import { closeWith, onError, orm, withEm } from './orm.ts';
import { doWork, page, rows } from './work.ts';

const port = Number(process.env['PORT']);
const self = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
const app = express();
app.get('/health', async (_, res) => {
  const health = await orm.check();
  res.status(health.ok ? 200 : 503).json(health);
});
app.use(withEm);
app.use((req, res, next) => {
  res.locals['before'] = req.em;
  next();
});
app.get('/api/:work', async (req, res) => {
  const nested = await Promise.resolve().then(() => req.em);
  res.json(await doWork(req.params.work, { em: req.em, before: res.locals['before'], nested, self }));
});
app.get('/stream', (req, res) => void Readable.fromWeb(rows(req.em)).pipe(res));
app.get('/page', async (req, res) => void res.type('html').send(await page(req.em)));
app.get('/page/:work', async (req, res) => {
  await doWork(req.params.work, { em: req.em, self });
  res.type('html').send(await page(req.em));
});
app.use(onError);

await orm();
closeWith(app.listen(port, '127.0.0.1'));
