import type { EmOf } from 'mikro-orm-web';
import { createContext, type MiddlewareFunction } from 'react-router';
import { emContext, type orm } from '~/orm.server';

/** What a middleware saw. */
export const before = createContext<EmOf<typeof orm>>();
export const remember: MiddlewareFunction<Response> = ({ context }) => context.set(before, context.get(emContext));
