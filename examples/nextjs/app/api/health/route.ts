import { connection } from 'next/server';
import { orm } from '../../../lib/orm';

/** For load balancers and orchestrators. Says what is wrong, and no names: neither of hosts nor of migrations. */
export async function GET(): Promise<Response> {
  await connection(); // with `cacheComponents`, `next build` calls this, too
  await orm().catch(() => undefined); // nothing to do, unless the database was not there at the start
  const { ok, database, migrations } = await orm.check();
  return Response.json(
    { ok, database: database.ok, migrations: migrations.ok },
    { status: ok ? 200 : 503, headers: { 'cache-control': 'no-store' } },
  );
}
