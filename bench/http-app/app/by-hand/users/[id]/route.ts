import { serialize } from '@mikro-orm/core';
import { initORM, withRequestContext } from '../../../../lib/by-hand/db';
import { User } from '../../../../lib/by-hand/entities/user';
import { userId } from '../../../../lib/input';

/** app/api/users/[id]/route.ts, without this package. */
export async function GET(_request: Request, { params }: { params: Promise<{ id: string }> }): Promise<Response> {
  const { id } = userId.parse(await params);
  return withRequestContext(async () => {
    const { em } = await initORM();
    return Response.json(serialize(await em.findOneOrFail(User, id)));
  });
}
