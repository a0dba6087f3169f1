import assert from 'node:assert/strict';
import { createOrmSingleton, mapOrmError, toProblemResponse, withRequestContext } from 'mikro-orm-web';
import config from './mikro-orm.config.js';
import { User } from './entities.js';

/** Does what an app does, from the first start to the last request. */
export async function use() {
  const orm = createOrmSingleton(config, { migrate: true });
  const [first, second] = await Promise.all([orm(), orm()]);
  assert.equal(first, second);
  assert.deepEqual(await orm.check(), {
    ok: true,
    database: { ok: true },
    migrations: { ok: true, pending: [] },
  });

  const email = `${Date.now()}@example.com`;
  const add = () =>
    withRequestContext(orm, async em => {
      em.create(User, { email });
      await em.flush();
    });
  await add();
  assert.equal(await withRequestContext(orm, em => em.count(User, { email })), 1);
  const error = await add().catch(error => error);
  const problem = mapOrmError(error, { orm });
  assert.equal(problem?.code, 'unique-violation');
  const response = toProblemResponse(problem);
  assert.equal(response.status, 409);
  // as text: to Jest, a Response makes objects of another realm
  assert.match(await response.text(), /"errors":\[\{"path":"email","message":"is already taken"\}\]/);

  // each EntityManager has an identity map of its own
  const [a, b] = await Promise.all([1, 2].map(() => withRequestContext(orm, em => em.findOneOrFail(User, { email }))));
  assert.notEqual(a, b);
  await orm.close();
  assert.equal(orm.current, undefined);
  return true;
}
