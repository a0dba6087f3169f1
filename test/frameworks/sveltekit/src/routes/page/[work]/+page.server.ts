import { doWork } from '#lib/server/work.ts';
import type { PageServerLoad } from './$types';

export const load: PageServerLoad = async ({ locals, params, fetch }) => {
  await doWork(params.work, { em: locals.em, self: path => fetch(path) });
  return { users: 0 };
};
