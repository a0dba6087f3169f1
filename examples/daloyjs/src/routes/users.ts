import type { App } from '@daloyjs/core';
import { serialize } from '@mikro-orm/core';
import { User } from '../entities/user.ts';
import { id, newUser, page, problem, refused, user, userPage } from '../schemas.ts';

export function users(app: App): void {
  app.route({
    method: 'GET',
    path: '/users/:id',
    operationId: 'getUser',
    request: { params: id },
    responses: {
      200: { description: 'The user', body: user },
      404: { description: 'No such user', body: problem },
      422: refused,
    },
    handler: async ({ params, state }) => {
      const found = await state.em.findOneOrFail(User, params.id);
      return { status: 200, body: serialize(found) };
    },
  });

  app.route({
    method: 'GET',
    path: '/users',
    operationId: 'listUsers',
    summary: 'Newest first. Cursors, unlike offsets, stay right while users are added',
    request: { query: page },
    responses: {
      200: { description: 'A page of users', body: userPage },
      400: { description: 'Malformed cursor', body: problem },
      422: refused,
    },
    handler: async ({ query: { after, size }, state }) => {
      const { items, totalCount, endCursor, hasNextPage } = await state.em.findByCursor(User, {
        first: size,
        ...(after && { after }),
        orderBy: { createdAt: 'desc', id: 'desc' },
      });
      return { status: 200, body: { items: serialize(items), totalCount, endCursor, hasNextPage } };
    },
  });

  app.route({
    method: 'POST',
    path: '/users',
    operationId: 'createUser',
    request: { body: newUser },
    responses: {
      201: { description: 'Created', body: user },
      409: { description: 'The email address is already taken', body: problem },
      422: refused,
    },
    handler: async ({ body, state }) => {
      const created = state.em.create(User, { email: body.email, name: body.name ?? null }); // no persist()
      await state.em.flush();
      return { status: 201, body: serialize(created), headers: { location: `/users/${created.id}` } };
    },
  });
}
