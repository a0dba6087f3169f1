import { format } from 'node:util';
import { defineEntity, p, type Options } from '@mikro-orm/core';
import { expect, test, vi } from 'vitest';
import { createDatabase, describeDriver } from '../support/databases.js';
import { loadShop, request } from './support/shop.ts';

// there is no table for it
const Account = defineEntity({
  name: 'Account',
  properties: { id: p.integer().primary(), email: p.string(), password: p.string().hidden() },
});

/** One value looks like a frame of a stack. */
const VALUES = { email: 'ann@example.com', password: 'hunter2\n    at hunter3 (file:///hunter4.js:1:1)\nhunter5' };

const CODES = { mariadb: 'ER_NO_SUCH_TABLE', postgresql: '42P01' };

for (const [driver, code] of Object.entries(CODES)) {
  await describeDriver(driver as keyof typeof CODES, () => {
    test('what is logged of an error says what failed and where, and holds no values', async () => {
      const database = await createDatabase(driver as keyof typeof CODES);
      const overrides = {
        ...database.config,
        entities: [Account],
        migrations: { migrationsList: [], snapshot: false },
      };
      const shop = await loadShop(undefined, overrides as Options<never>);
      const app = new shop.App({ logger: false, hooks: shop.ormHooks });
      app.route({
        method: 'POST',
        path: '/accounts',
        responses: { 204: { description: 'Created' } },
        handler: async ({ state }) => {
          state.em.create(Account, VALUES);
          await state.em.flush();
          return { status: 204, body: undefined };
        },
      });
      const log = vi.spyOn(console, 'error').mockReturnValue();
      expect(await request(app, 'POST', '/accounts', {})).toMatchObject({ status: 500 });
      const text = log.mock.calls.map(args => format(...args)).join('\n');
      log.mockRestore();
      expect(text.split('\n')).toHaveLength(1);
      expect(JSON.parse(text)).toMatchObject({
        problem: 'internal-error',
        error: 'TableNotFoundException',
        code,
        stack: expect.arrayContaining([expect.stringMatching(/^at .*nativeInsertMany .*:\d+:\d+\)$/)]),
      });
      expect(text).not.toMatch(/ann@|hunter\d|insert into/);
      await shop.orm.close();
      await database.drop();
    });
  });
}
