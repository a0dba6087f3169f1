// A stand-in for @daloyjs/core, for where that is not installed: written from its documentation, as much of it as the
// example and its tests use. `npm run test:daloyjs` says which of the two it runs on.
export { App } from './app.ts';
export type { AppOptions, LogLevel } from './app.ts';
export { HttpError } from './errors.ts';
export type { ProblemDetails } from './errors.ts';
export type { AppState, BaseContext, Hooks, RouteDefinition } from './types.ts';
