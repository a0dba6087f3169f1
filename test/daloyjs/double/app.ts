import { matchPath, respond, validate } from './context.ts';
import { HttpError, internal, methodNotAllowed, notFound, shuttingDown } from './errors.ts';
import { layered } from './hooks.ts';
import { generateOpenAPI } from './openapi.ts';
import type { HookContext, Hooks, Path, RequestSchemas, Responses, Route, RouteDefinition } from './types.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface AppOptions {
  openapi?: { info: { title: string; version: string } };
  docs?: boolean;
  logger?: { level?: LogLevel } | false;
  hooks?: Hooks;
}

type Plugin = ((app: App) => void | Promise<void>) | { name?: string; register?: (app: App) => void | Promise<void> };
type Layer = { tags?: string[]; hooks?: Hooks; prefix?: Path };

/** What an app shares with its children. */
const createRoot = () => ({
  routes: [] as { route: Route; layers: Hooks[]; decorations: Record<string, unknown> | undefined }[],
  closeHooks: [] as (() => void | Promise<void>)[],
  plugins: [] as Promise<void>[],
  inflight: 0,
  draining: false,
});

export class App {
  readonly options: AppOptions;
  #root = createRoot();
  #prefix = '';
  #tags: string[] = [];
  #layers: Hooks[] = [];
  #decorations: Record<string, unknown> = {};

  constructor(options: AppOptions = {}) {
    this.options = options;
    if (options.docs) {
      const info = options.openapi?.info ?? { title: 'DaloyJS API', version: '0.0.0' };
      this.route({
        method: 'GET',
        path: '/openapi.json',
        responses: { 200: {} },
        handler: () => ({ status: 200, body: generateOpenAPI(this, { info }) }),
      });
    }
  }

  get routes(): Route[] {
    return this.#root.routes.map(({ route }) => route);
  }

  /** Captures hooks and decorations of this app as they are now. */
  route<P extends Path, R extends RequestSchemas | undefined, S extends Responses>(
    definition: RouteDefinition<P, R, S>,
  ): this {
    const tags = [...this.#tags, ...(definition.tags ?? [])];
    this.#root.routes.push({
      route: { ...definition, tags, path: join(this.#prefix, definition.path) } as unknown as Route,
      layers: [this.options.hooks ?? {}, ...this.#layers, definition.hooks ?? {}],
      // the first decoration after a route does not reach it, later ones do
      decorations: Object.keys(this.#decorations).length > 0 ? this.#decorations : undefined,
    });
    return this;
  }

  use(hooks: Hooks): this {
    this.#layers.push(hooks);
    return this;
  }

  decorate(key: string, value: unknown): this {
    this.#decorations[key] = value;
    return this;
  }

  /** A child inherits what its parent has now, and nothing leads back. */
  group(prefix: Path, { tags = [], hooks }: Layer, register: (app: App) => void): this {
    const child = new App({ ...this.options, docs: false });
    child.#root = this.#root;
    child.#prefix = join(this.#prefix, prefix);
    child.#tags = [...this.#tags, ...tags];
    child.#layers = [...this.#layers, ...(hooks ? [hooks] : [])];
    child.#decorations = { ...this.#decorations };
    register(child);
    return this;
  }

  register(plugin: Plugin, config: Layer = {}): this {
    const register = typeof plugin === 'function' ? plugin : (plugin.register ?? (() => undefined));
    return this.group(config.prefix ?? '/', config, child => {
      const pending = Promise.resolve(register(child));
      pending.catch(() => undefined); // ready() tells
      this.#root.plugins.push(pending);
    });
  }

  onClose(hook: () => void | Promise<void>): this {
    this.#root.closeHooks.push(hook);
    return this;
  }

  /** Rejects where a plugin failed. */
  async ready(): Promise<void> {
    await Promise.all(this.#root.plugins);
  }

  request(input: string | Request, init?: RequestInit): Promise<Response> {
    return this.fetch(typeof input === 'string' ? new Request(new URL(input, 'http://test.local'), init) : input);
  }

  fetch = async (request: Request): Promise<Response> => {
    if (this.#root.draining) return shuttingDown().toResponse();
    this.#root.inflight++;
    try {
      return await this.#dispatch(request);
    } finally {
      this.#root.inflight--;
    }
  };

  async #dispatch(request: Request): Promise<Response> {
    const requestId = crypto.randomUUID();
    const url = new URL(request.url);
    const candidates = this.#root.routes.flatMap(({ route, layers, decorations }) => {
      const params = matchPath(route.path, url.pathname);
      return params ? { route, layers, decorations, params } : [];
    });
    const find = (method: string) => candidates.find(({ route }) => route.method === method);
    const match = find(request.method) ?? (request.method === 'HEAD' ? find('GET') : undefined);
    const ctx = {
      request,
      params: match?.params ?? {},
      query: Object.fromEntries(url.searchParams),
      headers: Object.fromEntries(request.headers),
      body: undefined,
      state: { ...(match ? match.decorations : this.#decorations), requestId },
      ...(match && { routePath: match.route.path }),
      set: { headers: new Headers() },
    } as unknown as HookContext;
    // where no route matched, guards of use() run, and only the app's own hooks see the error
    const hooks = layered(match?.layers ?? [this.options.hooks ?? {}, ...this.#layers]);
    const outer = match ? hooks : layered([this.options.hooks ?? {}]);
    try {
      await hooks.onRequest(request);
      const early = await hooks.first('preBody', ctx);
      if (early) return await hooks.send(early, ctx, requestId);
      if (match) await validate(ctx, match.route);
      const answer = await hooks.first('beforeHandle', ctx);
      if (answer) return await hooks.send(answer, ctx, requestId);
      if (!match && candidates.length > 0) throw methodNotAllowed(candidates.map(({ route }) => route.method).join());
      if (!match) throw notFound(`No route for ${request.method} ${url.pathname}`);
      const result = await hooks.afterHandle(ctx, await match.route.handler(ctx));
      return await hooks.send(await respond(result, match.route), ctx, requestId);
    } catch (error) {
      const answer = await outer.onError(error, ctx);
      const known = error instanceof HttpError ? error : internal(String(error));
      return outer.send(answer ?? known.toResponse({ requestId }), ctx, requestId);
    }
  }

  /** Refuses new requests, waits for those that run, then calls what `onClose` was given. */
  async shutdown(timeout = 10_000): Promise<void> {
    const root = this.#root;
    root.draining = true;
    const end = Date.now() + timeout;
    while (root.inflight > 0 && Date.now() < end) await new Promise(resolve => setTimeout(resolve, 10));
    for (const hook of root.closeHooks.splice(0)) await hook();
  }
}

function join(prefix: string, path: string): Path {
  return `${prefix.replace(/\/$/, '')}${path}` as Path;
}
