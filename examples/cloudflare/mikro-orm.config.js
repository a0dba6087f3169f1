// For the deploy step, `npx mikro-orm-web migrate`, which runs in Node.js: D1 through wrangler's proxy.
import { d1 } from 'mikro-orm-web/edge';
import { getPlatformProxy } from 'wrangler';
import { config } from './src/config.ts';

const { env } = await getPlatformProxy();

export default { ...config, driverOptions: d1(env.DB) };
