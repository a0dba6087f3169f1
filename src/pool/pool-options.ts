import { assertNumber } from '../util/assert-number.js';
import { isProduction } from '../util/environment.js';

/** Limits of a pool: option `pool` of `createOrmSingleton`. What `driverOptions` say of the same wins. */
export interface PoolOptions {
  /**
   * Milliseconds: a connection that was idle for longer is asked before it is handed out, and thrown away if it does not
   * answer. 0: always; false: never. On a server only.
   * @default 5000
   */
  validateAfter?: number | false | undefined;
  /**
   * Milliseconds that the answer may take. It is also how long a query may wait on a connection that the server knows
   * nothing of, before that connection is thrown away.
   * @default 2000
   */
  validateTimeout?: number | undefined;
  /** Milliseconds to wait for a connection; then `database-overloaded` (503). @default 15000 */
  acquireTimeout?: number | undefined;
  /** Milliseconds to connect, until the server is ready; then `database-unavailable` (503). @default 10000 */
  connectTimeout?: number | undefined;
  /**
   * Milliseconds that a statement, or the next rows of a stream, may take; then `query-timeout` (504), the server is asked to
   * stop, and the connection is thrown away. False: no limit. On a server only: an embedded database blocks the process.
   * @default false
   */
  queryTimeout?: number | false | undefined;
  /**
   * Milliseconds: warns of units of work that are open for longer, with the stack of what opened them, and has the oldest
   * borrower named where a pool is full. False: never; both cost a stack for each unit of work and each borrowed connection.
   * @default 30000 in development, false in production
   */
  leakAfter?: number | false | undefined;
}

/** The same, with defaults; Infinity where there is no limit. */
export interface PoolLimits {
  readonly validateAfter: number;
  readonly validateTimeout: number;
  readonly acquireTimeout: number;
  readonly connectTimeout: number;
  readonly queryTimeout: number;
  readonly leakAfter: number;
}

/**
 * Checks the options, and fills in the defaults: a visitor waits for some ten seconds at the most, and so does a proxy in
 * front of the app; a connection takes well under a second where nothing is wrong.
 */
export function resolvePoolOptions(options: PoolOptions = {}): PoolLimits {
  const limit = (name: keyof PoolOptions, byDefault: number | false, least: number): number => {
    const value = options[name] ?? byDefault;
    if (value === false && FALSE_MEANS_NEVER.has(name)) {
      return Infinity;
    }
    assertNumber(`pool.${name}`, value, least);
    return value as number;
  };
  return {
    validateAfter: limit('validateAfter', 5_000, 0),
    validateTimeout: limit('validateTimeout', 2_000, 1),
    acquireTimeout: limit('acquireTimeout', 15_000, 1),
    connectTimeout: limit('connectTimeout', 10_000, 1),
    queryTimeout: limit('queryTimeout', false, 1),
    leakAfter: limit('leakAfter', isProduction() ? false : 30_000, 1),
  };
}

const FALSE_MEANS_NEVER: ReadonlySet<keyof PoolOptions> = new Set(['validateAfter', 'queryTimeout', 'leakAfter']);
