import { MikroORM } from '@mikro-orm/core';
import { expect, test } from 'vitest';
import { sqlConnections } from '../src/mikro-orm-internals.js';
import { createDatabase, describeDriver, DRIVERS } from './support/databases.js';

// The shared pool stands on parts of MikroORM and Kysely that are no public API. When a release changes them, this fails
// first, and says which.
for (const driver of DRIVERS) {
  await describeDriver(driver, () => {
    test('the connection builds its Kysely dialect in createKyselyDialect', async () => {
      const database = await createDatabase(driver);
      const orm = new MikroORM({
        ...database.config,
        entities: [],
        discovery: { warnWhenNoEntities: false },
        ensureDatabase: false,
      });
      const [[role, connection]] = sqlConnections(orm) as [ReturnType<typeof sqlConnections>[number]];
      expect(role).toBe('write');
      const createKyselyDialect = connection.createKyselyDialect.bind(connection);
      let calls = 0;
      connection.createKyselyDialect = async options => {
        calls++;
        const dialect = await createKyselyDialect(options);
        for (const method of ['createAdapter', 'createQueryCompiler', 'createIntrospector', 'createDriver'] as const) {
          expect(dialect[method]).toBeTypeOf('function');
        }
        const kyselyDriver = dialect.createDriver();
        for (const method of [
          'init',
          'acquireConnection',
          'releaseConnection',
          'beginTransaction',
          'commitTransaction',
          'rollbackTransaction',
          'savepoint',
          'rollbackToSavepoint',
          'releaseSavepoint',
          'destroy',
        ] as const) {
          expect(kyselyDriver[method], method).toBeTypeOf('function');
        }
        return dialect;
      };
      await orm.connect();
      expect(await orm.checkConnection()).toMatchObject({ ok: true });
      expect(calls, 'it is called once, and its promise awaited').toBe(1);
      expect(connection.connected).toBe(true);
      const isFileBased = driver === 'sqlite' || driver === 'libsql';
      expect('database' in connection).toBe(isFileBased);
      expect(connection.getConnectionSetupSql !== undefined).toBe(isFileBased);
      await orm.close();
      await database.drop();
    });
  });
}
