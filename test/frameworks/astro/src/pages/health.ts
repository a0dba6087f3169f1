import type { APIRoute } from 'astro';
import { orm } from '@/server/orm';

export const GET: APIRoute = async () => {
  const health = await orm.check();
  return Response.json(health, { status: health.ok ? 200 : 503 });
};
