import type { EntityManager, MikroORM } from '@mikro-orm/sql';
import { mapOrmError, toProblemResponse, withRequestContext } from 'mikro-orm-web';
import { scenarios } from './scenarios.js';

/** Runs the scenario that the path names, in a context of its own; answers with what it returns. */
export async function answer(source: unknown, request: Request): Promise<Response> {
  const orm = source as MikroORM;
  const { pathname, searchParams } = new URL(request.url);
  try {
    const scenario = scenarios[pathname.slice(1)]!;
    const result = await withRequestContext(orm, em => scenario(em as EntityManager, searchParams, orm));
    return Response.json(result ?? null);
  } catch (error) {
    const problem = mapOrmError(error, { orm, signal: request.signal });
    if (searchParams.has('raw') || !problem) {
      const { name, message, code, stack, cause } = error as Error & { code?: string };
      return Response.json({ name, message, code, stack, cause: String(cause), problem }, { status: 599 });
    }
    return toProblemResponse(problem);
  }
}
