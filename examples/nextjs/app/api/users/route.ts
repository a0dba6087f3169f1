import { serialize } from '@mikro-orm/core';
import { retryTransaction } from 'mikro-orm-web';
import { User } from '../../../lib/entities';
import { newUser, userPage } from '../../../lib/input';
import { orm, problem, readJson, withEm } from '../../../lib/orm';

/** `?after=` or `?before=` a cursor of another page, and `?size=`. */
export const GET = problem(async request => {
  const page = userPage.parse(Object.fromEntries(new URL(request.url).searchParams));
  return withEm(async em => {
    const users = await em.getRepository(User).page(page);
    const { totalCount, startCursor, endCursor, hasPrevPage, hasNextPage } = users;
    return Response.json({
      items: serialize(users.items),
      page: { totalCount, startCursor, endCursor, hasPrevPage, hasNextPage },
    });
  });
});

export const POST = problem(async request => {
  const input = newUser.parse(await readJson(request));
  const user = await retryTransaction(orm, async em => em.create(User, input));
  return Response.json(serialize(user), { status: 201, headers: { location: `/api/users/${user.id}` } });
});
