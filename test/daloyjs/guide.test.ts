import type { Options } from '@mikro-orm/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase } from '../support/databases.js';
import { createGuideApp } from './guide/app.ts';
import { PROBLEM, request } from './support/shop.ts';

describe('the plugin and the middleware of the guide', () => {
  let app: ReturnType<typeof createGuideApp>;
  beforeAll(async () => {
    const { config } = await createDatabase('pglite');
    const { User } = await import('./guide/app.ts');
    app = createGuideApp({ ...(config as Options), entities: [User] });
    await app.ready();
  });
  afterAll(() => app.shutdown());

  test('answer 500 to every request: what register() decorates does not reach the routes of the app', async () => {
    for (const answer of [
      await request(app, 'GET', '/users/00000000-0000-4000-8000-000000000000'),
      await request(app, 'POST', '/users', { email: 'ann@example.com' }),
    ]) {
      expect(answer).toMatchObject({
        status: 500,
        type: PROBLEM,
        body: { detail: expect.stringMatching(/undefined.*em/) },
      });
    }
    expect(await request(app, 'POST', '/users', { email: 'nobody' })).toMatchObject({ status: 422 });
  });
});
