import { setTimeout as sleep } from 'node:timers/promises';
import { MikroORM, type Constructor } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { expect, test } from 'vitest';
import { createDatabase, describeDriver, onServer, type DatabaseConfig } from '../support/databases.js';
import { createGraph } from '../support/graphs.js';

/** A migration of several statements that tells when it began, and waits for `go` in between. */
function slow(sql: string) {
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  const { promise: gone, resolve: go } = Promise.withResolvers<void>();
  class Migration20260303000000 extends Migration {
    override async up(): Promise<void> {
      await this.execute(sql);
      begin();
      await gone;
      await this.execute('select 1');
    }
  }
  return { Migration20260303000000: Migration20260303000000 as Constructor<Migration>, began, go };
}

const SESSIONS = {
  postgresql: {
    lock: (name: string) =>
      `select pid as id from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and datname = '${name}'`,
    migrating: (name: string) =>
      `select pid as id from pg_stat_activity where datname = '${name}' and state = 'idle in transaction'
       and pid not in (select pid from pg_locks where locktype = 'advisory')`,
    kill: (id: number) => `select pg_terminate_backend(${id})`,
  },
  mariadb: {
    lock: (name: string) =>
      `select is_used_lock(concat('mikro-orm-web ', left('${name}', 16), ' ', md5('${name}'))) as id`,
    migrating: (name: string) =>
      `select trx_mysql_thread_id as id from information_schema.innodb_trx join information_schema.processlist on id = trx_mysql_thread_id where db = '${name}'`,
    kill: (id: number) => `kill ${id}`,
  },
};

for (const name of ['postgresql', 'mariadb'] as const) {
  await describeDriver(name, () => {
    const admin = (config: DatabaseConfig): DatabaseConfig => ({
      ...config,
      dbName: name === 'postgresql' ? 'postgres' : 'test',
    });
    const find = async (config: DatabaseConfig, which: 'lock' | 'migrating'): Promise<number | undefined> => {
      const rows = await onServer<{ id: number | null }[]>(admin(config), SESSIONS[name][which](config.dbName!));
      return rows[0]?.id ?? undefined;
    };
    async function start() {
      const database = await createDatabase(name);
      const { Migration20260303000000, began, go } = slow(
        name === 'postgresql' ? 'create table half (id int)' : 'insert into users (email, name) values (1, 1)',
      );
      const graph = await createGraph(database.config);
      if (name === 'mariadb') {
        await graph.createOrmSingleton(graph.config, { migrate: true, name: 'before' })();
      }
      const list = name === 'mariadb' ? { ...first(graph), Migration20260303000000 } : { Migration20260303000000 };
      const migrations = graph.explicitMigrations(list, { silent: true, snapshot: false });
      const config = { ...graph.config, ...migrations };
      const orm = graph.createOrmSingleton(config, { migrate: { lockTimeout: 5_000 } });
      const opening = orm().catch((error: unknown) => error);
      await began;
      return { database, graph, config, orm, opening, go };
    }
    const first = (graph: Awaited<ReturnType<typeof createGraph>>): Record<string, unknown> =>
      Object.fromEntries(
        (graph.config.migrations.migrationsList as { name: string; class: unknown }[]).map(entry => [
          entry.name,
          entry.class,
        ]),
      );

    test('a migrating session that dies frees the lock, and the next try migrates', async () => {
      const { database, graph, orm, opening, go } = await start();
      const victim = await find(database.config, 'migrating');
      expect(victim).toBeDefined();
      await onServer(admin(database.config), SESSIONS[name].kill(victim!));
      await sleep(50);
      go();
      const error = await Promise.race([opening, sleep(8_000, 'has not settled')]);
      expect(graph.mapOrmError(error)).toMatchObject({ code: 'database-unavailable' });
      await expect.poll(() => find(database.config, 'lock')).toBeUndefined();
      await orm();
      expect((await orm.check()).ok).toBe(true);
      await orm.close();
      await database.drop();
    });

    if (name === 'postgresql') {
      test('a server that ends idle transactions leaves the lock alone', async () => {
        const database = await createDatabase(name);
        await onServer(
          admin(database.config),
          `alter database ${database.config.dbName} set idle_in_transaction_session_timeout = '300ms'`,
        );
        const graph = await createGraph(database.config);
        class Migration20260303000000 extends Migration {
          override up(): void {
            this.addSql('select pg_sleep(0.9)');
          }
        }
        const migrations = graph.explicitMigrations({ Migration20260303000000 }, { silent: true, snapshot: false });
        const orm = graph.createOrmSingleton({ ...graph.config, ...migrations }, { migrate: true });
        await orm();
        expect((await orm.check()).ok).toBe(true);
        await orm.close();
        await database.drop();
      });

      test('the lock has no snapshot, for which an index would wait', async () => {
        const { database, orm, opening, go } = await start();
        const [session] = await onServer<object[]>(
          admin(database.config),
          `select backend_xmin, backend_xid from pg_stat_activity where pid = ${await find(database.config, 'lock')}`,
        );
        expect(session).toEqual({ backend_xmin: null, backend_xid: null });
        go();
        await opening;
        await orm.close();
        await database.drop();
      });
    }

    test('a lock whose connection dies stops the run, and rolls it back', async () => {
      const { database, config, graph, orm, opening, go } = await start();
      await onServer(admin(database.config), SESSIONS[name].kill((await find(database.config, 'lock'))!));
      // noticed with the next heartbeat
      await sleep(3_000);
      go();
      const error = await Promise.race([opening, sleep(8_000, 'has not settled')]);
      expect(error).toMatchObject({ code: 'MIGRATION_LOCK', message: expect.stringMatching(/died.*stopped/) });
      const check = graph.createOrmSingleton(config, { name: 'looks' });
      expect((await check.check()).migrations.pending).toEqual(['Migration20260303000000']);
      await orm();
      expect((await orm.check()).ok).toBe(true);
      await Promise.all([orm.close(), check.close()]);
      await database.drop();
    });
  });
}

await describeDriver('postgresql', name => {
  test('an older release needs no lock to start, and says what it does not know', async () => {
    const database = await createDatabase(name);
    const newer = await createGraph(database.config);
    const { Migration20260303000000, go } = slow('create table half (id int)');
    go();
    const [{ name: known, class: type }] = newer.config.migrations.migrationsList as [{ name: string; class: unknown }];
    const both = newer.explicitMigrations(
      { [known]: type, Migration20260303000000 },
      { silent: true, snapshot: false },
    );
    await newer.createOrmSingleton({ ...newer.config, ...both }, { migrate: true, name: 'newer' })();

    const holder = new MikroORM({ ...database.config, entities: [], discovery: { warnWhenNoEntities: false } });
    await holder.em.fork().transactional(async em => {
      await em
        .getConnection()
        .execute(`select pg_advisory_lock(${0x6d696b6f}, ${0x6d696772})`, [], 'all', em.getTransactionContext());
      const said: string[] = [];
      const older = await createGraph(database.config);
      const config = { ...older.config, logger: (message: string) => said.push(message) };
      const orm = older.createOrmSingleton(config, { migrate: { lockTimeout: 0 } });
      await orm();
      expect(said.join()).toMatch(/lacks: Migration20260303000000/);
      await orm.close();
    });
    await holder.close();
    await newer.createOrmSingleton(newer.config, { name: 'newer' }).close();
    await database.drop();
  });

  test('a replica that lags, or is down, keeps no one from migrating', async () => {
    const database = await createDatabase(name);
    const graph = await createGraph({ ...database.config, replicas: [{ name: 'down', port: 5999 }] });
    const orm = graph.createOrmSingleton(graph.config, { migrate: true });
    await orm();
    expect((await orm.check()).migrations).toEqual({ ok: true, pending: [] });
    await orm.close();
    await database.drop();
  });
});
