import { before } from '#lib/server/before.ts';
import { doWork } from '#lib/server/work.ts';
import type { RequestHandler } from './$types';

export const GET: RequestHandler = async ({ params, locals, request, fetch }) => {
  const nested = await Promise.resolve().then(() => locals.em);
  return Response.json(
    (await doWork(params.work, { em: locals.em, before: before.get(request), nested, self: path => fetch(path) })) ??
      {},
  );
};
