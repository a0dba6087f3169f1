import { serialize } from '@mikro-orm/core';
import { retryTransaction } from 'mikro-orm-web';
import { User } from '../../../lib/entities';
import { newUser, userPage } from '../../../lib/input';
import { orm, parse, readJson, withEm, withProblems } from '../../../lib/orm';

/** `?after=` or `?before=` a cursor of another page, and `?size=`. */
export const GET = withProblems(async request => {
  const page = await parse(userPage, Object.fromEntries(new URL(request.url).searchParams));
  return withEm(async em => {
    const users = await em.getRepository(User).page(page);
    const { totalCount, startCursor, endCursor, hasPrevPage, hasNextPage } = users;
    return Response.json({
      items: serialize(users.items),
      page: { totalCount, startCursor, endCursor, hasPrevPage, hasNextPage },
    });
  });
});

export const POST = withProblems(async request => {
  const input = await readJson(request, newUser);
  const user = await retryTransaction(orm, async em => em.create(User, input));
  return Response.json(serialize(user), { status: 201, headers: { location: `/api/users/${user.id}` } });
});
