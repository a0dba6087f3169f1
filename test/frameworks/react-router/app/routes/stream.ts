import { emContext } from '~/orm.server';
import { rows } from '~/work';
import type { Route } from './+types/stream';

export const loader = ({ context }: Route.LoaderArgs) => new Response(rows(context.get(emContext)));
