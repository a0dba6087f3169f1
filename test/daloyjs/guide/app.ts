// The guide's code, as it stands there: plugin, middleware, routes. Only the config is the test's.
import { App, type Hooks } from '@daloyjs/core';
import { MikroORM, defineEntity, p, type Options } from '@mikro-orm/core';
import { z } from 'zod';

const UserEntity = defineEntity({
  name: 'User',
  properties: {
    id: p.uuid().primary().defaultRaw('gen_random_uuid()'),
    email: p.string().unique(),
    name: p.string().nullable(),
    createdAt: p.datetime().onCreate(() => new Date()),
  },
});

export class User extends UserEntity.class {}
UserEntity.setClass(User);

export function createGuideApp(config: Options) {
  const mikroOrmPlugin = {
    name: 'mikro-orm',
    async register(app: App) {
      const orm = await MikroORM.init(config);
      app.decorate('orm', orm);
      app.onClose(async () => {
        await orm.close(true);
      });
    },
  };

  function requestEntityManager(): Hooks {
    return {
      beforeHandle(ctx) {
        ctx.state.em = (ctx.state['orm'] as MikroORM).em.fork() as typeof ctx.state.em;
      },
    };
  }

  const app = new App({ logger: false });
  app.register(mikroOrmPlugin);
  app.use(requestEntityManager());

  const UserSchema = z.object({
    id: z.string().uuid(),
    email: z.string().email(),
    name: z.string().nullable(),
    createdAt: z.coerce.date(),
  });

  app.route({
    method: 'GET',
    path: '/users/:id',
    operationId: 'getUser',
    request: { params: z.object({ id: z.string().uuid() }) },
    responses: {
      200: { description: 'Found', body: UserSchema },
      404: { description: 'Not found' },
    },
    handler: async ({ params, state }) => {
      const user = await state.em.findOne(User, { id: params.id });
      return user
        ? { status: 200, body: user as z.input<typeof UserSchema> }
        : { status: 404, body: { type: 'about:blank', title: 'Not found', status: 404 } };
    },
  });

  app.route({
    method: 'POST',
    path: '/users',
    operationId: 'createUser',
    request: { body: z.object({ email: z.string().email(), name: z.string().optional() }) },
    responses: { 201: { description: 'Created', body: UserSchema } },
    handler: async ({ body, state }) => {
      const user = state.em.create(User, { email: body.email, name: body.name ?? null });
      await state.em.flush();
      return { status: 201, body: user as z.input<typeof UserSchema> };
    },
  });
  return app;
}
