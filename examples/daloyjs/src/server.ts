import { serve } from '@daloyjs/core/node';
import { buildApp } from './build-app.ts';
import { ormPlugin } from './orm.ts';

const app = buildApp();
app.register(ormPlugin);
await app.ready(); // throws where the database does not answer or a migration fails, and the process exits with 1

const hostname = process.env['HOST'] ?? '127.0.0.1';
// SIGTERM and SIGINT: no new requests, those that run finish, the pool closes, the process exits with 0
const handle = serve(app, { hostname, port: Number(process.env['PORT'] ?? 3000) });
handle.server.once('listening', () => console.log(`http://${hostname}:${handle.port}`));
