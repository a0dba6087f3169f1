import type { SqlConnection } from '../mikro-orm-internals.js';

/** An ORM that uses a pool, by one of its connections. */
export interface PoolUser {
  readonly connection: SqlConnection;
  /** What to throw: made here, so that the classes are those that the ORM's module graph knows. */
  readonly errors: {
    /** The pool is closed. */
    closed(): Error;
    /** No connection was free in time. */
    overloaded(ms: number, cause: Error): Error;
    /** A statement took too long. */
    slow(ms: number): Error;
    /** The sandbox of a test cannot do it. */
    sandbox(message: string, cause?: unknown): Error;
  };
}
