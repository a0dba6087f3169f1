import { rows } from '#lib/server/work.ts';
import type { RequestHandler } from './$types';

export const GET: RequestHandler = ({ locals }) => new Response(rows(locals.em));
