import type { APIRoute } from 'astro';
import { rows } from '@/server/work';

export const GET: APIRoute = ({ locals }) => new Response(rows(locals.em));
