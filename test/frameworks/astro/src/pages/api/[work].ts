import type { APIRoute } from 'astro';
import { before } from '@/server/before';
import { doWork } from '@/server/work';

export const GET: APIRoute = async ({ params, locals, request }) => {
  const nested = await Promise.resolve().then(() => locals.em);
  const self = (path: string) => fetch(new URL(path, request.url));
  return Response.json(
    (await doWork(params['work'] ?? '', { em: locals.em, before: before.get(request), nested, self })) ?? {},
  );
};
