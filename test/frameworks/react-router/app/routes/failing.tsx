import { emContext } from '~/orm.server';
import { doWork } from '~/work';
import type { Route } from './+types/failing';

export async function loader({ context, params, request }: Route.LoaderArgs) {
  await doWork(params.work, { em: context.get(emContext), self: path => fetch(new URL(path, request.url)) });
  return null;
}

export default function Failing() {
  return <p>never shown</p>;
}
