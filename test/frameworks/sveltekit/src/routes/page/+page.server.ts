import { User } from '#lib/server/entities.ts';
import type { PageServerLoad } from './$types';

export const load: PageServerLoad = async ({ locals }) => ({ users: await locals.em.count(User) });
