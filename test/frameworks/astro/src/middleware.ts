import { sequence } from 'astro:middleware';
import type { MiddlewareHandler } from 'astro';
import { before } from '@/server/before';
import { onRequest as withEm } from '@/server/orm';

const remember: MiddlewareHandler = (context, next) => {
  before.set(context.request, context.locals.em);
  return next();
};
export const onRequest = sequence(withEm, remember);
