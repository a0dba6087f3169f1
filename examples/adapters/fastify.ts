import type { FastifyError, FastifyPluginAsync } from 'fastify';
import { createOrmSingleton, mapOrmError, openEm, toProblemResponse, type EmOf } from 'mikro-orm-web';
import config from './mikro-orm.config.ts';

/** The app's ORM. `Fastify({ return503OnClosing: false })` lets requests that still come in during a shutdown be answered. */
export const orm = createOrmSingleton(config, { migrate: true });

declare module 'fastify' {
  interface FastifyRequest {
    em: EmOf<typeof orm>;
  }
}

const plugin: FastifyPluginAsync = async app => {
  let isClosing = false;
  app.decorateRequest('em');
  app.addHook('onRequest', async (request, reply) => {
    const { em, end } = await openEm(orm); // joins nothing: app.inject() in a handler is a request of its own
    request.em = em;
    if (reply.raw.closed) end(); // the client left while the database opened
    else reply.raw.once('close', end);
    if (isClosing) reply.header('connection', 'close'); // or clients that keep theirs would keep the server open
  });
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const problem = mapOrmError(error, { orm, signal: request.signal });
    if (!problem) throw error; // to Fastify's own handler
    // without the error's message, which holds values
    if (problem.status >= 500) request.log.error({ problem, stack: error.stack?.match(/^ +at .+/gm) });
    return reply.send(toProblemResponse(problem));
  });
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void app.close());
  app.addHook('preClose', async () => void (isClosing = true));
  app.addHook('onClose', () => orm.close({ drain: 25_000 })); // after the last answer
  await orm();
};

/** `app.register(ormPlugin)`, before the routes: opens and migrates, `request.em`, problem details, and the end at SIGTERM. */
export const ormPlugin = Object.assign(plugin, { [Symbol.for('skip-override')]: true });
