import type { Input, Output, Schema } from './schema.ts';

/** Augmented by plugins: what they put on `ctx.state`. */
export interface AppState {}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS';
export type Path = `/${string}`;

export interface RequestSchemas {
  params?: Schema;
  query?: Schema;
  headers?: Schema;
  body?: Schema;
}

type PathParams<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? Record<Name, string> & PathParams<`/${Rest}`>
  : P extends `${string}:${infer Name}`
    ? Record<Name, string>
    : Record<never, string>;

type Part<R, K extends keyof RequestSchemas, Otherwise> = R extends { [Key in K]: infer S extends Schema }
  ? Output<S>
  : Otherwise;

export interface BaseContext<P extends string, R> {
  request: Request;
  params: Part<R, 'params', PathParams<P>>;
  query: Part<R, 'query', Record<string, string | string[] | undefined>>;
  headers: Part<R, 'headers', Record<string, string | undefined>>;
  body: Part<R, 'body', unknown>;
  state: AppState & Record<string, unknown>;
  /** The template of the matched route; undefined where none matched. */
  routePath?: string;
  set: { status?: number; headers: Headers };
}

/** What hooks see: they run for routes of any shape. */
export interface HookContext {
  request: Request;
  params: Record<string, unknown>;
  query: Record<string, unknown>;
  headers: Record<string, unknown>;
  body: unknown;
  state: AppState & Record<string, unknown>;
  routePath?: string;
  set: { status?: number; headers: Headers };
}

type Maybe<T> = T | void | Promise<T | void>;

/** In this order, and `onError` in between where something was thrown. */
export interface Hooks {
  onRequest?: (request: Request) => Maybe<void>;
  preBody?: (ctx: HookContext) => Maybe<Response>;
  beforeHandle?: (ctx: HookContext) => Maybe<Response>;
  afterHandle?: (ctx: HookContext, result: unknown) => unknown;
  onError?: (error: unknown, ctx: HookContext | undefined) => Maybe<Response>;
  onSend?: (response: Response, ctx: HookContext | undefined) => Maybe<Response>;
  onResponse?: (response: Response, ctx?: HookContext) => Maybe<void>;
}

export interface ResponseSpec {
  description?: string;
  body?: Schema;
}
export type Responses = { [Status in number]?: ResponseSpec };

export type HandlerReturn<R extends Responses> = {
  [S in Extract<keyof R, number>]: {
    status: S;
    body: R[S] extends { body: infer B extends Schema } ? Input<B> : unknown;
    headers?: Record<string, string>;
  };
}[Extract<keyof R, number>];

export interface RouteDefinition<P extends Path, R extends RequestSchemas | undefined, S extends Responses> {
  method: Method;
  path: P;
  operationId?: string;
  summary?: string;
  tags?: string[];
  acknowledgeNoResponseBodySchema?: boolean;
  request?: R;
  responses: S;
  hooks?: Hooks;
  handler: (ctx: BaseContext<P, R>) => HandlerReturn<S> | Response | Promise<HandlerReturn<S> | Response>;
}

/** A route as the double keeps it. */
export type Route = Omit<RouteDefinition<Path, RequestSchemas | undefined, Responses>, 'handler'> & {
  handler: (ctx: HookContext) => unknown;
};
