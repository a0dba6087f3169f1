import { OrmConfigError } from './errors/orm-web-error.js';
import { forkEm, type RequestOptions } from './fork.js';
import { resolveOrm, type OrmSource, type AnyOrm } from './orm-source.js';

/**
 * Makes a function that gives each request object one fork: the same object always gets the same EntityManager, also when
 * several callers ask at once. Requests are held weakly; a fork that could not be made is not kept.
 *
 * @param orm the ORM, or what leads to it
 * @param options of each fork, or a function that reads them from the request (a tenant's schema, say)
 * @returns takes any object that stands for a request, resolves with its EntityManager
 * @throws {@link OrmClosedError} after `close()`; {@link OrmConfigError} where the request is no object
 *
 * @example
 * ```ts
 * const emOf = forkPerRequest(orm, (request: Request) => ({ schema: request.headers.get('x-tenant') ?? 'public' }));
 * const em = await emOf(request);
 * ```
 */
export function forkPerRequest<ORM extends AnyOrm, R extends object>(
  orm: OrmSource<ORM>,
  options?: RequestOptions | ((request: R) => RequestOptions),
): (request: R) => Promise<ORM['em']> {
  const forks = new WeakMap<R, Promise<ORM['em']>>();
  return request => {
    if ((typeof request !== 'object' && typeof request !== 'function') || request === null) {
      return Promise.reject(
        new OrmConfigError(
          `forkPerRequest needs the request object, and got ${request === null ? 'null' : typeof request}. Pass what your framework makes for each request.`,
        ),
      );
    }
    let fork = forks.get(request);
    if (!fork) {
      fork = resolveOrm(orm, 'forkPerRequest').then(ready =>
        forkEm(ready, typeof options === 'function' ? options(request) : options),
      );
      forks.set(request, fork);
      fork.catch(() => forks.delete(request));
    }
    return fork;
  };
}
