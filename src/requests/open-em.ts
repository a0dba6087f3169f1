import { readyOrm, resolveOrm, type AnyOrm, type OrmSource } from '../orm-source.js';
import { beginUnitOfWork } from '../process/shared-database.js';
import { failingEm } from './failing-em.js';
import { forkBare, type RequestOptions } from './request-options.js';

/** A request's EntityManager, and what tells that the request is over. */
export interface OpenedEm<EM> extends AsyncDisposable {
  /** The EntityManager of the request, until `end()`. */
  readonly em: EM;
  /** Lets `close({ drain })` go on. Ending twice is ending once. */
  end(): void;
}

/** Options of {@link openEm}. */
export interface OpenEmOptions extends RequestOptions {
  /**
   * Where no EntityManager can be opened (the database is out of reach, the ORM is closed), `openEm` resolves all the same, and
   * the first use of `em` throws the error. For a middleware: frameworks show their error page for what a page throws, and not for
   * what runs before it, and a page that asks no database goes on.
   * @default false
   */
  failOnUse?: boolean | undefined;
}

/**
 * Opens the EntityManager of a new request, which joins nothing and inherits nothing, and ends when the caller says so: for
 * hooks, renders and streams, where no function runs around the request. `close({ drain })` waits for its end.
 *
 * No context runs around the caller, so that global-style code (`orm.em`, repositories) does not find it: use the `em` that is
 * returned, or {@link withRequestContext}.
 *
 * @param orm the ORM, or what leads to it
 * @param options of the fork; `filters` sets filter parameters; see {@link OpenEmOptions}
 * @throws {@link OrmClosedError} after `close()`; {@link OrmConfigError} for a session under MikroORM's `sessionContext:
 *   'connection'`, which needs a context; whatever `orm` throws
 *
 * @example
 * ```ts
 * import { openEm } from 'mikro-orm-web';
 * import { User } from './entities';
 * import { orm } from './orm';
 *
 * export async function names(): Promise<string[]> {
 *   await using request = await openEm(orm);
 *   const users = await request.em.findAll(User);
 *   return users.map(user => user.fullName);
 * }
 * ```
 */
export async function openEm<ORM extends AnyOrm>(
  orm: OrmSource<ORM>,
  { failOnUse = false, ...options }: OpenEmOptions = {},
): Promise<OpenedEm<ORM['em']>> {
  try {
    const ready = readyOrm(orm) ?? (await resolveOrm(orm, 'openEm'));
    const em = forkBare(ready, undefined, options, 'openEm');
    return opened<ORM['em']>(em, beginUnitOfWork(ready));
  } catch (error) {
    if (!failOnUse) throw error;
    return opened(failingEm<ORM['em']>(error), () => undefined);
  }
}

const opened = <EM>(em: EM, end: () => void): OpenedEm<EM> => ({ em, end, [Symbol.asyncDispose]: async () => end() });
