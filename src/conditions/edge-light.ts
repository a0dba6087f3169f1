import { channels } from '../channels.js';
import type * as library from '../index.js';
import {
  ExplicitNameError,
  MigrationLockError,
  OrmClosedError,
  OrmConfigError,
  OrmWebError,
  PoolTimeoutError,
  QueryTimeoutError,
  TransactionRetryError,
} from '../errors.js';

// What bundlers for edge runtimes like that of Next.js get in place of the library (the export condition `edge-light`): it
// imports, so that shared modules build, and tells what to do as soon as something is called.

export {
  channels,
  ExplicitNameError,
  MigrationLockError,
  OrmClosedError,
  OrmConfigError,
  OrmWebError,
  PoolTimeoutError,
  QueryTimeoutError,
  TransactionRetryError,
};

function refuse(): never {
  throw new OrmConfigError(
    "mikro-orm-web needs Node.js, and was called in an edge runtime. Let the route, middleware or worker run in Node.js: in Next.js remove `export const runtime = 'edge'`, and use proxy.ts in place of middleware.ts.",
  );
}

export const createOrmSingleton: typeof library.createOrmSingleton = refuse;
export const withRequestContext: typeof library.withRequestContext = refuse;
export const retryTransaction: typeof library.retryTransaction = refuse;
export const openEm: typeof library.openEm = refuse;
export const whenSent: typeof library.whenSent = refuse;
export const forkPerRequest: typeof library.forkPerRequest = refuse;
export const mapOrmError: typeof library.mapOrmError = refuse;
export const toProblemResponse: typeof library.toProblemResponse = refuse;
export const writeProblem: typeof library.writeProblem = refuse;
export const explicitMigrations: typeof library.explicitMigrations = refuse;
export const explicitEntities: typeof library.explicitEntities = refuse;
