import { orm } from '#lib/server/orm.ts';
import type { RequestHandler } from './$types';

export const GET: RequestHandler = async () => {
  const health = await orm.check();
  return Response.json(health, { status: health.ok ? 200 : 503 });
};
