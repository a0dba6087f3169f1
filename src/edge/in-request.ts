import type { AsyncLocalStorage } from 'node:async_hooks';
import { OrmConfigError } from '../errors.js';
import type { Dialect, KyselyDriver } from '../mikro-orm-internals.js';

/** What a Worker's `fetch` gets as its third argument: the part of Cloudflare's `ExecutionContext` that is used here. */
export interface RequestLifetime {
  waitUntil(promise: Promise<unknown>): void;
}

/** What one request has at one database: a dialect, and its driver once something is queried. */
interface RequestDatabase {
  readonly dialect: Dialect | Promise<Dialect>;
  driver?: Promise<KyselyDriver>;
}

/** A request, and what it has opened. */
export class RequestScope {
  readonly lifetime: RequestLifetime;
  /** A request's own promises: no other request waits for them. */
  readonly #databases = new Map<object, RequestDatabase>();
  #isOver = false;

  constructor(lifetime: RequestLifetime) {
    this.lifetime = lifetime;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The dialect of this request for a database, made when it is first asked for; a promise if `create` returns one. */
  dialectOf(database: object, create: () => Dialect | Promise<Dialect>): Dialect | Promise<Dialect> {
    return this.#of(database, create).dialect;
  }

  /** The driver of this request for a database; the first query opens it. */
  open(database: object, create: () => Dialect | Promise<Dialect>): Promise<KyselyDriver> {
    const own = this.#of(database, create);
    own.driver ??= openDriver(own.dialect).catch((error: unknown) => {
      this.#databases.delete(database); // the next query tries again
      throw error;
    });
    return own.driver;
  }

  #of(database: object, create: () => Dialect | Promise<Dialect>): RequestDatabase {
    if (this.#isOver) {
      throw new OrmConfigError(
        'A query came after the function of inRequest had ended, and with it the connections of the request. Let the function return once all is read: a body that is streamed later has to be read before, or put inRequest around the stream.',
      );
    }
    let own = this.#databases.get(database);
    if (!own) {
      this.#databases.set(database, (own = { dialect: create() }));
    }
    return own;
  }

  /** Closes all; never rejects, for there is nobody left to tell. */
  async close(): Promise<void> {
    this.#isOver = true;
    await Promise.allSettled([...this.#databases.values()].map(async ({ driver }) => (await driver)?.destroy()));
  }
}

async function openDriver(dialect: Dialect | Promise<Dialect>): Promise<KyselyDriver> {
  const driver = (await dialect).createDriver();
  await driver.init();
  return driver;
}

let requests: AsyncLocalStorage<RequestScope> | undefined;

/** The request that this code runs in. */
export function currentRequest(): RequestScope {
  const scope = requests?.getStore();
  if (!scope) {
    throw new OrmConfigError(
      'A query of perRequest() ran outside of a request, and a connection belongs to one. Put inRequest(ctx, …) around what fetch does, and query nothing at module scope.',
    );
  }
  return scope;
}

/**
 * Runs `work` as one request, whose connections end with it: by `ctx.waitUntil`, which also lets `work` go on to its end
 * when the client leaves in the middle. Within another call for the same `ctx`, it is that request.
 *
 * @param ctx the third argument of a Worker's `fetch`, or `this.ctx` of a Durable Object or an entrypoint
 * @param work what queries; what it returns is returned, and must not query later (a body that is still streamed)
 *
 * @example
 * ```ts
 * import { withRequestContext } from 'mikro-orm-web';
 * import { inRequest } from 'mikro-orm-web/edge';
 * import { User } from './entities';
 * import { orm } from './orm';
 *
 * export default {
 *   fetch: (request: Request, env: Env, ctx: ExecutionContext) =>
 *     inRequest(ctx, () => withRequestContext(orm, async em => Response.json(await em.findAll(User)))),
 * };
 * ```
 */
export async function inRequest<T>(ctx: RequestLifetime, work: () => T | Promise<T>): Promise<T> {
  if (typeof ctx?.waitUntil !== 'function') {
    throw new OrmConfigError(
      'inRequest got no context. Pass the third argument of fetch: fetch(request, env, ctx) { return inRequest(ctx, …) }.',
    );
  }
  requests ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<RequestScope>();
  const around = requests.getStore();
  if (around?.lifetime === ctx && !around.isOver) {
    return work();
  }
  const scope = new RequestScope(ctx);
  const result = requests.run(scope, async () => work());
  // from the start: a request whose client has left is cancelled where nothing was told to wait for
  ctx.waitUntil(
    result
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => scope.close()),
  );
  return result;
}
