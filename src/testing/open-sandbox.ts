import { OrmConfigError } from '../errors.js';
import { driverOptions, followTransactions, isOwnPool, isSql, sqlConnections } from '../mikro-orm-internals.js';
import { resolveOrm, type AnyOrm } from '../orm-source.js';
import { poolUser } from '../process/attach-orm.js';
import { databaseOf } from '../process/shared-database.js';
import type { OrmSingleton } from '../singleton/create-orm-singleton.js';
import { CallSite } from './call-site.js';
import { mysqlSandbox } from './databases/mysql.js';
import { postgresqlSandbox } from './databases/postgresql.js';
import type { SandboxDatabase } from './databases/sandbox-database.js';
import { sqliteSandbox } from './databases/sqlite.js';
import { Sandbox } from './sandbox.js';
import { copiesInUse } from './stores/copies-in-use.js';

/** What {@link openSandbox} resolves with. */
export interface OpenedSandbox {
  /** Undoes all that went through the pool since, and gives the pool back. Twice is once. */
  rollback(): Promise<void>;
  /** `await using sandbox = await openSandbox(orm)`: the same at the end of the block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * From now on, all that goes through the pool of `orm` runs on one connection inside of one transaction, in every module
 * graph of the process; `rollback()` undoes all of it. BEGIN, COMMIT and ROLLBACK of the code under test become savepoints,
 * to any depth. Read replicas are read from it, too.
 *
 * Borrowers take turns: a transaction has the connection until its end, anything else for one statement. A statement that
 * fails outside of a transaction is undone by itself, deferred constraints are checked at each inner commit, and
 * `retryTransaction` retries. Isolation levels are accepted, and mean nothing.
 *
 * @param orm what `createOrmSingleton` returned; it is opened where it was not yet
 * @throws `OrmConfigError` where a sandbox of this ORM is open already, or its pool is the user's own. Later, from the
 *   code under test: {@link SandboxError} where two connections are needed at once by code that would wait for itself, for
 *   statements that MySQL and MariaDB commit by themselves, and once the connection is lost
 *
 * @example
 * ```ts
 * import { openSandbox } from 'mikro-orm-web/testing';
 * import { afterEach, beforeEach } from 'vitest';
 * import { orm } from './orm';
 *
 * let sandbox: Awaited<ReturnType<typeof openSandbox>>;
 * beforeEach(async () => {
 *   sandbox = await openSandbox(orm);
 * });
 * afterEach(() => sandbox.rollback());
 * ```
 */
export async function openSandbox<ORM extends AnyOrm>(orm: OrmSingleton<ORM>): Promise<OpenedSandbox> {
  const place = new CallSite();
  const ready: AnyOrm = await resolveOrm(orm, 'openSandbox');
  const database = databaseOf(ready);
  if (!database || !isSql(ready)) {
    throw new OrmConfigError(
      'openSandbox takes what createOrmSingleton returned, for a database that MikroORM speaks SQL to.',
    );
  }
  const connection = sqlConnections(ready)[0]![1];
  if (isOwnPool(driverOptions(connection))) {
    throw new OrmConfigError(
      'openSandbox cannot divert a Kysely instance or dialect of driverOptions: that pool is yours. Leave it out in tests: orm.configure({ driverOptions: {} }).',
    );
  }
  const user = poolUser(connection, database.name);
  const sandbox: Sandbox = new Sandbox({
    pool: database.poolFor(ready, 'write', user),
    user,
    database: sandboxDatabaseOf(ready),
    place,
    undivert: () => undivert?.(),
  });
  followTransactions(connection);
  const undivert = database.divert(sandbox);
  if (!undivert) {
    throw new OrmConfigError(
      `A sandbox of "${database.name}" is open already. Roll it back first; tests that run at the same time need a process each.`,
    );
  }
  try {
    await sandbox.open();
  } catch (error) {
    undivert();
    throw error;
  }
  const rollback = (): Promise<void> => sandbox.end();
  return { rollback, [Symbol.asyncDispose]: rollback };
}

function sandboxDatabaseOf(orm: AnyOrm): SandboxDatabase {
  const packages = orm.driver.getDependencies();
  if (packages.includes('mysql2')) {
    return mysqlSandbox();
  }
  if (packages.includes('pg') || packages.includes('@electric-sql/pglite')) {
    const isPglite = !packages.includes('pg'); // which no other process has open
    return postgresqlSandbox(isPglite, isPglite || copiesInUse().has(String(orm.config.get('dbName'))));
  }
  if (packages.includes('better-sqlite3') || packages.includes('libsql')) {
    return sqliteSandbox();
  }
  throw new OrmConfigError(`openSandbox knows no transactions of ${packages.at(-1) ?? 'this driver'}.`);
}
