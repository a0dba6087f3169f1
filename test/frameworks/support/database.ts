import { createDatabase, onServer, type TestDatabase } from '../../support/databases.js';
import { startServer } from '../../support/servers.js';
import type { Env } from './server.js';

/** An empty PostgreSQL database for one run of an app. */
export interface AppDatabase {
  env: Env;
  query<T>(sql: string): Promise<T[]>;
  /** Looks at the server's connections to it until `stop`, which returns the most that were there at once. */
  watch(application?: string): { stop(): Promise<number> };
  /** The server's connections to it; only those of this application, if it is given. */
  backends(application?: string): Promise<number>;
  drop: TestDatabase['drop'];
}

export async function createAppDatabase(): Promise<AppDatabase> {
  return appDatabase(await createDatabase('postgresql'));
}

/** The same on a server of its own, for an app that opens so many connections that others would get none. */
export async function createAppServer(connections: number): Promise<AppDatabase> {
  const server = await startServer('postgresql', connections);
  const config = { ...server.admin, dbName: 'app' };
  await onServer(server.admin, 'create database app');
  return appDatabase({ config, drop: () => server.remove() });
}

function appDatabase({ config, drop }: TestDatabase): AppDatabase {
  const query = <T>(sql: string): Promise<T[]> => onServer<T[]>(config, sql);
  const admin = { ...config, dbName: 'postgres' };
  const backends = async (application?: string): Promise<number> => {
    const only = application === undefined ? '' : ` and application_name = '${application}'`;
    const sql = `select count(*)::int as n from pg_stat_activity where datname = '${config.dbName}'${only}`;
    const [row] = await onServer<{ n: number }[]>(admin, sql);
    return row!.n;
  };
  return {
    env: { DATABASE_URL: `postgresql://postgres@127.0.0.1:${config.port}/${config.dbName}` },
    query,
    backends,
    drop,
    watch(application) {
      let most = 0;
      let isOver = false;
      const looking = (async () => {
        while (!isOver) {
          most = Math.max(most, await backends(application));
          await new Promise(resolve => setTimeout(resolve, 20));
        }
        return most;
      })();
      return { stop: () => ((isOver = true), looking) };
    },
  };
}
