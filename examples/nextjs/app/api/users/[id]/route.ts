import { serialize } from '@mikro-orm/core';
import { User } from '../../../../lib/entities';
import { userId } from '../../../../lib/input';
import { parse, withEm, withProblems } from '../../../../lib/orm';

export const GET = withProblems(async (_request: Request, { params }: { params: Promise<{ id: string }> }) => {
  const { id } = await parse(userId, await params);
  return withEm(async em => Response.json(serialize(await em.findOneOrFail(User, id))));
});
