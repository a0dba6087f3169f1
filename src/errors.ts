/** Options of the errors of this library that say more to operators than their message does. */
export interface OrmWebErrorOptions extends ErrorOptions {
  /** @see {@link OrmWebError.detail} */
  detail?: string | undefined;
}

/**
 * Base class of every error that this library throws itself. `code` tells them apart, and stays the same when a
 * minifier renames the class; `message` says what to do next; `cause` holds the error behind it, where there is one.
 */
export abstract class OrmWebError extends Error {
  abstract readonly code: string;
  /**
   * For operators: names hosts, users and processes. Log it; never send it to a client. Absent where there is nothing
   * to add to the message.
   */
  declare readonly detail?: string;

  constructor(message?: string, { detail, ...options }: OrmWebErrorOptions = {}) {
    super(message, options);
    if (detail !== undefined) {
      this.detail = detail;
    }
  }
}

/** The ORM of this name was closed: no new work starts, not even on a fork that is still held. */
export class OrmClosedError extends OrmWebError {
  readonly code = 'ORM_CLOSED';
  override readonly name = 'OrmClosedError';

  /** @param name the name of the ORM */
  constructor(name: string) {
    super(`The ORM "${name}" was closed. To go on, call createOrmSingleton(config) again after close().`);
  }
}

/** The config, an option or the runtime cannot work. The message names the option and the fix. */
export class OrmConfigError extends OrmWebError {
  readonly code = 'ORM_CONFIG';
  override readonly name = 'OrmConfigError';
}

/** A list for `explicitEntities` or `explicitMigrations` does not give every class one stable name. */
export class ExplicitNameError extends OrmWebError {
  readonly code = 'EXPLICIT_NAME';
  override readonly name = 'ExplicitNameError';
}

/** Another process held the migration lock for longer than `migrate.lockTimeout`. `detail` says which, if the database tells. */
export class MigrationLockError extends OrmWebError {
  readonly code = 'MIGRATION_LOCK';
  override readonly name = 'MigrationLockError';
}

/**
 * No connection of the pool was free within `pool.acquireTimeout`. The cause counts what holds them, and, with
 * `pool.leakAfter`, has the stack of what has held one for the longest time.
 */
export class PoolTimeoutError extends OrmWebError {
  readonly code = 'POOL_TIMEOUT';
  override readonly name = 'PoolTimeoutError';

  /**
   * @param name the name of the ORM
   * @param ms the limit, in milliseconds
   */
  constructor(name: string, ms: number, options?: OrmWebErrorOptions) {
    super(
      `No connection of "${name}" was free within pool.acquireTimeout, ${ms} ms: the cause counts what holds them. Hold them for a shorter time (no slow calls within a transaction, streams that are read to the end), or raise the config's pool.max.`,
      options,
    );
  }
}

/** A statement took longer than `pool.queryTimeout`; the server was asked to stop it. */
export class QueryTimeoutError extends OrmWebError {
  readonly code = 'QUERY_TIMEOUT';
  override readonly name = 'QueryTimeoutError';

  /** @param ms the limit, in milliseconds */
  constructor(ms: number) {
    super(
      `A statement took longer than pool.queryTimeout, ${ms} ms, and was stopped. Make it faster, raise the limit, or run it outside of a request.`,
    );
  }
}

/** The sandbox of a test cannot do what was asked of it, or has lost its transaction. The message says why. */
export class SandboxError extends OrmWebError {
  readonly code = 'SANDBOX';
  override readonly name = 'SandboxError';
}

/** Every attempt of `retryTransaction` failed, or its signal fired. The last attempt's error is the `cause`. */
export class TransactionRetryError extends OrmWebError {
  readonly code = 'TRANSACTION_RETRY';
  override readonly name = 'TransactionRetryError';

  /** @param attempts how many there were */
  constructor(attempts: number, cause: unknown) {
    super(
      `The transaction failed ${attempts} times; the cause is the last error. Raise attempts, or make it shorter.`,
      {
        cause,
      },
    );
  }
}
