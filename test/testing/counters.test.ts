import { Migration } from '@mikro-orm/migrations';
import { expect, test } from 'vitest';
import { createOrmSingleton, explicitMigrations, type OrmSingleton } from '../../src/index.js';
import { createTestDatabase, openSandbox, truncate } from '../../src/testing/index.js';
import { createDatabase, describeDriver, DRIVERS, dropDerived, type DriverName } from '../support/databases.js';
import { COUNTED, User } from './support/user.js';

/** Where a rollback takes back the counters: in a database that others may use, and in one of createTestDatabase. */
const isRestored: Record<DriverName, { shared: boolean; own: boolean }> = {
  sqlite: { shared: true, own: true },
  libsql: { shared: true, own: true },
  pglite: { shared: true, own: true },
  postgresql: { shared: false, own: true },
  mariadb: { shared: false, own: false },
  mysql: { shared: false, own: false },
};

for (const driver of DRIVERS) {
  await describeDriver(driver, name => {
    test.each(['shared', 'own'] as const)(
      'ids after a rollback, and after truncate: %s',
      { timeout: 300_000 },
      async kind => {
        class Migration1 extends Migration {
          override up(): void {
            this.addSql(`create table users (id ${COUNTED[name]}, email varchar(100) not null)`);
          }
        }
        const database = await createDatabase(name);
        const orm = createOrmSingleton(
          {
            ...database.config,
            contextName: 'counters', // templates of databases in memory are told apart by it
            entities: [User],
            ...explicitMigrations({ Migration1 }, { silent: true, snapshot: false }),
          } as never,
          { name: `counters ${kind} ${name}`, migrate: true },
        ) as unknown as OrmSingleton;
        const insert = async () => (await orm()).em.fork().insert(User, { email: 'ann@example.com' });
        try {
          await (kind === 'own' ? createTestDatabase(orm) : orm());
          expect(await insert()).toBe(1);
          const sandbox = await openSandbox(orm);
          expect(await insert()).toBe(2);
          expect(await insert()).toBe(3);
          await sandbox.rollback();
          expect(await insert()).toBe(isRestored[name][kind] ? 2 : 4);
          await truncate(orm);
          expect(await insert()).toBe(1);
        } finally {
          await orm.close();
          await dropDerived(name, database.config);
          await database.drop();
        }
      },
    );
  });
}
