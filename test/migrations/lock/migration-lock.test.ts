import { MikroORM } from '@mikro-orm/core';
import { expect, test } from 'vitest';
import { withMigrationLock } from '../../../src/migrations/lock/migration-lock.js';
import { createDatabase, describeDriver } from '../../support/databases.js';

const HOLDERS = {
  postgresql: /backend \d+ postgres .*pg_stat_activity/,
  mariadb: /connection \d+ \(SHOW PROCESSLIST\)/,
  sqlite: /fuser/,
} as const;

for (const [name, holder] of Object.entries(HOLDERS) as [keyof typeof HOLDERS, RegExp][]) {
  await describeDriver(name, () => {
    test('a process that waits for too long says so, and tells operators where to find the holder', async () => {
      const database = await createDatabase(name);
      const orm = new MikroORM({ ...database.config, entities: [], discovery: { warnWhenNoEntities: false } });
      let ran = 0;
      await withMigrationLock(orm, {}, async () => {
        const waits = withMigrationLock(orm, { timeout: 0 }, async () => void ran++);
        const error = await waits.catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({
          code: 'MIGRATION_LOCK',
          message: expect.stringMatching(/^Another process migrates the database of "default".*0 ms.*lockTimeout/),
          detail: expect.stringMatching(holder),
        });
        // an app may send the message to its clients
        expect((error as Error).message).not.toMatch(/postgres|connection|127\.0\.0\.1|::1|\/tmp|fuser/);
      });
      expect(ran).toBe(0);
      await orm.close();
      await database.drop();
    });
  });
}
