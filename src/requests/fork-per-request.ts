import { OrmConfigError } from '../errors.js';
import { forkBare, runningEm, type RequestOptions } from './request-options.js';
import { readyOrm, resolveOrm, type OrmSource, type AnyOrm } from '../orm-source.js';
import { createBoxes } from '../util/private-box.js';

/**
 * Makes a function that gives each request object one fork: the same object always gets the same EntityManager, also when
 * several callers ask at once. Requests are held weakly; a fork that could not be made is not kept. In a running context
 * the fork has its schema, filters and session, unless the options name others or `inherit: false`.
 *
 * @param orm the ORM, or what leads to it
 * @param options of each fork, or a function that reads them from the request (a tenant's schema, say)
 * @returns takes any object that stands for a request, resolves with its EntityManager
 * @throws {@link OrmClosedError} after `close()`; {@link OrmConfigError} where the request is no object, and for a session
 *   under MikroORM's `sessionContext: 'connection'`, which needs a context
 *
 * @example
 * ```ts
 * import { forkPerRequest } from 'mikro-orm-web';
 * import { User } from './entities';
 * import { orm } from './orm';
 *
 * const tenants = new Map([['a.example', 'tenant_a'], ['b.example', 'tenant_b']]);
 *
 * // of a table, and never what the client sent: it would pick its own tenant
 * const emOf = forkPerRequest(orm, (request: Request) => {
 *   const schema = tenants.get(new URL(request.url).hostname);
 *   if (!schema) throw new Error('Unknown host');
 *   return { schema };
 * });
 *
 * export async function handle(request: Request): Promise<Response> {
 *   const em = await emOf(request);
 *   return Response.json({ users: await em.count(User) });
 * }
 * ```
 */
export function forkPerRequest<ORM extends AnyOrm, R extends object>(
  orm: OrmSource<ORM>,
  options?: RequestOptions | ((request: R) => RequestOptions),
): (request: R) => Promise<ORM['em']> {
  const boxOf = createBoxes<ORM['em']>();
  return async request => {
    if (Object(request) !== request) {
      throw new OrmConfigError(
        `forkPerRequest needs the request object, and got ${request && typeof request}. Pass what your framework makes.`,
      );
    }
    const box = boxOf(request);
    if (!box.value) {
      const ready = readyOrm(orm) ?? (await resolveOrm(orm, 'forkPerRequest'));
      // another caller may have waited for the ORM, too
      box.value ??= fork(ready, typeof options === 'function' ? options(request) : options);
    }
    return box.value;
  };
}

function fork<ORM extends AnyOrm>(orm: ORM, options: RequestOptions | undefined): ORM['em'] {
  return forkBare(orm, options?.inherit === false ? undefined : runningEm(orm), options, 'forkPerRequest');
}
