// the exports of examples/adapters/tanstack-start.ts, whose framework is not installed here
export interface Context {
  readonly em: unknown;
}
export declare function orm(): Promise<unknown>;
export declare function withEm(
  fetch: (request: Request, options: { context: Context }) => Response | Promise<Response>,
): (request: Request) => Promise<Response>;
export declare function forClient(error: unknown, context: Context): unknown;
