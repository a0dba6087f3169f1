import { sequence } from '@sveltejs/kit/hooks';
import type { Handle } from '@sveltejs/kit/hooks';
import { handle as withEm } from '#lib/server/orm.ts';
import { before } from '#lib/server/before.ts';

export { handleError, init } from '#lib/server/orm.ts';

const remember: Handle = ({ event, resolve }) => {
  before.set(event.request, event.locals.em);
  return resolve(event);
};
export const handle = sequence(withEm, remember);
