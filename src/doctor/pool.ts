import { sqlConnections } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import { error } from './finding.js';
import type { Finding } from './report.js';

/** Compares the pool with what the server allows; one process is enough to be refused. */
export async function examinePool(orm: AnyOrm): Promise<Finding[]> {
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
