import { driverOptions, type KyselyDriver, type SqlConnection } from '../mikro-orm-internals.js';

/**
 * What lets a handle of a file wait for locks of other processes, unless the options say how long: better-sqlite3 does so
 * by default; a handle of libsql 0.5 does not, and loses later writes once it met a lock.
 */
function waitForLocks(connection: SqlConnection): string[] {
  const { timeout } = (driverOptions(connection) ?? {}) as { timeout?: unknown };
  return timeout === undefined ? ['pragma busy_timeout = 5000'] : [];
}

/** Runs, once a pool, what MikroORM runs on every `connect()`: attached databases, foreign keys. */
export async function setUp(driver: KyselyDriver, connection: SqlConnection, isFile: boolean): Promise<void> {
  const own = (await connection.getConnectionSetupSql?.()) ?? [];
  const statements = isFile ? [...own, ...waitForLocks(connection)] : own;
  if (statements.length > 0) {
    const held = await driver.acquireConnection();
    try {
      for (const sql of statements) {
        await held.executeQuery({ sql, parameters: [], query: { kind: 'RawNode' }, queryId: {} });
      }
    } finally {
      await driver.releaseConnection(held);
    }
  }
}

/**
 * better-sqlite3 asks `process.report` for the C library when it loads, and that looks up the name of every open
 * socket: where DNS is dead, it blocks the event loop for many seconds.
 */
export function withoutNetworkReport<T>(work: () => T): T {
  const report = process.report as { excludeNetwork?: boolean } | undefined;
  if (!report) {
    return work();
  }
  const before = report.excludeNetwork;
  report.excludeNetwork = true;
  try {
    return work();
  } finally {
    report.excludeNetwork = before ?? false;
  }
}
