import { orm } from '~/orm.server';

export async function loader() {
  const health = await orm.check();
  return Response.json(health, { status: health.ok ? 200 : 503 });
}
