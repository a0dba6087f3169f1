import type { HookContext, Hooks } from './types.ts';

/** The layers of hooks of a route, the app's own first: how each kind of hook is run through them. */
export function layered(layers: readonly Hooks[]) {
  /** Until one answers. */
  async function first(hook: 'preBody' | 'beforeHandle', ctx: HookContext): Promise<Response | undefined> {
    for (const layer of layers) {
      const answer = await layer[hook]?.(ctx);
      if (answer instanceof Response) return answer;
    }
    return undefined;
  }

  return {
    first,
    async onRequest(request: Request): Promise<void> {
      for (const layer of layers) await layer.onRequest?.(request);
    },
    async afterHandle(ctx: HookContext, result: unknown): Promise<unknown> {
      let current = result;
      for (const layer of layers) current = (await layer.afterHandle?.(ctx, current)) ?? current;
      return current;
    },
    async onError(error: unknown, ctx: HookContext | undefined): Promise<Response | undefined> {
      for (const layer of layers) {
        const answer = await layer.onError?.(error, ctx);
        if (answer instanceof Response) return answer;
      }
      return undefined;
    },
    /** The response as it leaves. */
    async send(response: Response, ctx: HookContext | undefined, requestId: string): Promise<Response> {
      let current = response;
      ctx?.set.headers.forEach((value, name) => current.headers.has(name) || current.headers.set(name, value));
      if (!current.headers.has('x-request-id')) current.headers.set('x-request-id', requestId);
      for (const layer of layers) current = (await layer.onSend?.(current, ctx)) ?? current;
      for (const layer of layers) await layer.onResponse?.(current, ctx);
      return current;
    },
  };
}
