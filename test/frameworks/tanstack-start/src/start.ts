import { createMiddleware, createStart } from '@tanstack/react-start';
import { before } from '~/server/before';
import { forClient, type Context } from '~/server/orm';

const remember = createMiddleware().server(({ next, request, context }) => {
  before.set(request, context.em);
  return next();
});

const routeProblems = createMiddleware().server(async ({ next, context }) => {
  try {
    return await next();
  } catch (error) {
    throw forClient(error, context);
  }
});

const functionProblems = createMiddleware({ type: 'function' }).server(async ({ next, context }) => {
  try {
    return await next();
  } catch (error) {
    throw forClient(error, context as unknown as Context);
  }
});

export const startInstance = createStart(() => ({
  requestMiddleware: [remember, routeProblems],
  functionMiddleware: [functionProblems],
}));
