import { User } from '~/entities';
import { emContext } from '~/orm.server';
import type { Route } from './+types/page';

export async function loader({ context }: Route.LoaderArgs) {
  return { users: await context.get(emContext).count(User) };
}

export default function Page({ loaderData }: Route.ComponentProps) {
  return <p>{`users: ${loaderData.users}`}</p>;
}
