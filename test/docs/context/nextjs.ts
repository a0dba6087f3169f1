// An app that `npx mikro-orm-web add nextjs` has set up: the example's adapter on the README's entities.
import { serialize } from '@mikro-orm/core';
import { z } from 'zod';
import type * as adapter from '../../../examples/nextjs/lib/orm.js';
import { User } from './entities.js';

export { serialize, User };
export declare const getEm: typeof adapter.getEm;
export declare const withEm: typeof adapter.withEm;
export declare const withProblems: typeof adapter.withProblems;
export declare const readJson: typeof adapter.readJson;
export const newUser = z.object({ email: z.string(), fullName: z.string() });
