// What files of the docs import of packages that are not installed here.
declare module '@tanstack/react-start' {
  type Work<Context> = (options: { next(): Promise<unknown>; context: Context }) => unknown;
  export function createMiddleware(): {
    server(work: Work<import('./pages/docs-frameworks-md/src/server/orm.ts').Context>): object;
  };
  export function createMiddleware(options: { type: 'function' }): { server(work: Work<undefined>): object };
  export function createStart(options: () => { requestMiddleware: object[]; functionMiddleware: object[] }): object;
}
declare module '@tanstack/react-start/server-entry' {
  const handler: { fetch(request: Request, options: { context: unknown }): Promise<Response> };
  export default handler;
}
declare module '@vercel/functions' {
  export function attachDatabasePool(pool: unknown): void;
}
declare module '@playwright/test' {
  interface Request {
    post(path: string, options: { failOnStatusCode: boolean }): Promise<object>;
    delete(path: string, options: { failOnStatusCode: boolean }): Promise<object>;
  }
  type Fixture<T> = (fixtures: { request: Request }, use: (value: T) => Promise<void>) => Promise<void>;
  export const test: {
    extend<T>(fixtures: { [Name in keyof T]: [Fixture<T[Name]>, { auto: boolean }] }): object;
  };
}
