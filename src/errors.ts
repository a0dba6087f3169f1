/**
 * Base class of every error that this library throws itself. `code` tells them apart, and stays the same when a
 * minifier renames the class; `message` says what to do next; `cause` holds the error behind it, where there is one.
 */
export abstract class OrmWebError extends Error {
  abstract readonly code: string;
  /** What only operators should see, such as users and addresses: for logs, and not for clients. */
  readonly detail?: string | undefined;

  constructor(message?: string, options?: ErrorOptions & { detail?: string | undefined }) {
    super(message, options);
    this.detail = options?.detail;
  }
}

/** The ORM of this name was closed: no new work starts, also on a fork that somebody still holds. */
export class OrmClosedError extends OrmWebError {
  readonly code = 'ORM_CLOSED';
  override readonly name = 'OrmClosedError';

  /** @param name the name of the ORM */
  constructor(name: string) {
    super(`The ORM "${name}" was closed. To go on, call createOrmSingleton(config) again after close().`);
  }
}

/** What `createOrmSingleton` was given, or where it runs, cannot work: the message names the option and the fix. */
export class OrmConfigError extends OrmWebError {
  readonly code = 'ORM_CONFIG';
  override readonly name = 'OrmConfigError';
}

/** A list for `explicitEntities` or `explicitMigrations` does not give every class one stable name. */
export class ExplicitNameError extends OrmWebError {
  readonly code = 'EXPLICIT_NAME';
  override readonly name = 'ExplicitNameError';
}

/** Another process held the lock for migrations longer than `migrate.lockTimeout`: `detail` says where to find it. */
export class MigrationLockError extends OrmWebError {
  readonly code = 'MIGRATION_LOCK';
  override readonly name = 'MigrationLockError';
}

/** Each attempt of `retryTransaction` failed, or its signal ended it: the error of the last attempt is the `cause`. */
export class TransactionRetryError extends OrmWebError {
  // not one of those that `ownVerdict` knows: what it means to a client is what its cause means
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

/**
 * What an error of this library means to a client, by its code: a bundler may give each module graph its own copy of
 * these classes, so that `instanceof` does not tell. What the codes begin with is reserved for them.
 */
export const ownVerdict = (code: string): 'database-unavailable' | 'internal-error' | undefined =>
  /^(?:ORM_CLOSED|MIGRATION_LOCK)$/.test(code)
    ? 'database-unavailable'
    : /^(?:ORM_CONFIG|EXPLICIT_NAME)$/.test(code)
      ? 'internal-error'
      : undefined;
