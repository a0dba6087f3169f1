import { env } from 'cloudflare:workers';
import { createEdgeOrm, d1 } from 'mikro-orm-web/edge';
import { config } from './config.ts';

/** The ORM of the worker, made once for each isolate, while it starts. */
export const orm = createEdgeOrm(
  config,
  d1(() => env.DB),
);
