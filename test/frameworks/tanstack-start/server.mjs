import { serve } from 'srvx';
import app from './dist/server/server.js';

serve({ fetch: app.fetch, gracefulShutdown: { gracefulTimeout: 25 }, silent: true });
