import { serialize } from '@mikro-orm/core';
import { User } from '../../../../lib/entities';
import { userId } from '../../../../lib/input';
import { problem, withEm } from '../../../../lib/orm';

export const GET = problem(async (_request: Request, { params }: { params: Promise<{ id: string }> }) => {
  const { id } = userId.parse(await params);
  return withEm(async em => Response.json(serialize(await em.findOneOrFail(User, id))));
});
