import type { KyselyDriver, SqlConnection } from './sql-internals.js';

/** Runs, once a pool, what MikroORM runs on every `connect()`: attached databases, foreign keys. */
export async function setUp(driver: KyselyDriver, connection: SqlConnection): Promise<void> {
  const statements = (await connection.getConnectionSetupSql?.()) ?? [];
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
