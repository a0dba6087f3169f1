import { before } from '~/before.server';
import { emContext } from '~/orm.server';
import { doWork } from '~/work';
import type { Route } from './+types/api';

export async function loader({ context, params, request }: Route.LoaderArgs) {
  const em = context.get(emContext);
  const nested = await Promise.resolve().then(() => context.get(emContext));
  const self = (path: string) => fetch(new URL(path, request.url));
  return Response.json((await doWork(params.work, { em, before: context.get(before), nested, self })) ?? {});
}
