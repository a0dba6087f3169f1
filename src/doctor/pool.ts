import { isOwnPool, driverOptions, sqlConnections } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import { findPooler, type Pooler } from '../pool/native/pooler.js';
import { error, warning } from './finding.js';
import type { Finding } from './report.js';

/** What the pool asks of the server, and gets. */
export async function examinePool(orm: AnyOrm): Promise<Finding[]> {
  const [[, connection]] = sqlConnections(orm) as [ReturnType<typeof sqlConnections>[number]];
  const isPg = orm.driver.getDependencies().includes('pg') && !isOwnPool(driverOptions(connection));
  const pooler = isPg ? await findPooler(await connection.getNativeClient()) : undefined;
  // behind a pooler, the number of connections is its own affair
  return pooler ? examinePooler(orm, pooler) : examineMaximum(orm);
}

/** Compares the pool with what the server allows; one process is enough to be refused. */
async function examineMaximum(orm: AnyOrm): Promise<Finding[]> {
  const maximum = orm.config.get('pool')?.max;
  const packages = orm.driver.getDependencies();
  const sql = packages.includes('pg')
    ? "select setting as n from pg_settings where name = 'max_connections'"
    : packages.includes('mysql2')
      ? 'select @@max_connections as n'
      : undefined;
  if (maximum === undefined || sql === undefined) {
    return [];
  }
  const [row] = (await sqlConnections(orm)[0]![1].execute(sql)) as { n: string | number }[];
  const limit = Number(row?.n);
  return maximum <= limit
    ? []
    : [
        error(
          'pool-maximum',
          `pool.max is ${maximum}, and the server allows ${limit} connections in all. One busy process has its requests refused.`,
          `Set pool.max to less than ${limit}, divided by the number of processes that run at once, during a deploy, too.`,
        ),
      ];
}

/** A pooler that pools sessions is as good as the server, but for the settings that it leaves out. */
function examinePooler(orm: AnyOrm, { poolsTransactions, lost }: Pooler): Finding[] {
  const findings: Finding[] = [];
  if (lost.length > 0) {
    findings.push(
      error(
        'pooler-settings',
        `The connection goes through a pooler such as PgBouncer, and settings of driverOptions do not reach the server: ${lost.join(', ')}. Queries run without them.`,
        'Set them for the role or the database (alter role … set …), and take them out of driverOptions.',
      ),
    );
  }
  if (!poolsTransactions) {
    return findings;
  }
  if (orm.config.get('sessionContext') === 'connection') {
    findings.push(
      error(
        'pooler-session',
        "The connection goes through a pooler such as PgBouncer that gives it to another client after each transaction, and sessionContext is 'connection': a request may run with the session of another one, and pass its row-level security.",
        "Use sessionContext: 'transaction', or a URL that does not pool transactions.",
      ),
    );
  }
  const hooks = (['onCreateConnection', 'onReserveConnection'] as const).filter(name => orm.config.get(name));
  findings.push(
    warning(
      'transaction-pooling',
      'The connection goes through a pooler such as PgBouncer that gives it to another client after each transaction. Outside of a transaction, what a session has is lost or somebody else’s: set, listen, temporary tables, session-level advisory locks. A migration that takes none of them runs as ever, under its lock, which needs a second connection of the pooler.',
      'Use set local and pg_advisory_xact_lock within transactions, and alter role … set … for what always holds. Listen, and run migrations that need a session, by the direct URL.',
      hooks.length > 0 ? hooks.map(name => `${name}: what it sets holds for one transaction at most`) : undefined,
    ),
  );
  return findings;
}
