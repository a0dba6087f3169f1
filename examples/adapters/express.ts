import type { ErrorRequestHandler, RequestHandler } from 'express';
import { createOrmSingleton, mapOrmError, openEm, writeProblem, type EmOf } from 'mikro-orm-web';
import config from './mikro-orm.config.ts';

/** The app's ORM. At boot: `await orm(); closeWith(app.listen(3000));` */
export const orm = createOrmSingleton(config, { migrate: true });
orm.closeOn(['SIGTERM', 'SIGINT'], { drain: 25_000 });
let isClosing = false;

declare global {
  namespace Express {
    interface Request {
      em: EmOf<typeof orm>;
    }
  }
}

/** `app.use(withEm)`: `req.em` is the request's own EntityManager, which ends when the answer was sent or the client left. */
export const withEm: RequestHandler = async (req, res, next) => {
  const { em, end } = await openEm(orm);
  req.em = em;
  if (res.closed) end(); // the client left while the database opened
  else res.once('close', end);
  if (isClosing) res.setHeader('connection', 'close'); // or clients that keep theirs would keep the server open
  next();
};

/** `app.use(onError)`, after the routes: problem details for errors of the database; pages and other errors stay Express's. */
export const onError: ErrorRequestHandler = (error, req, res, next) => {
  const problem = mapOrmError(error, { orm });
  if (!problem) return next(error); // the log gets no message of the error, which holds values
  if (problem.status >= 500) console.error(problem.code, problem.entity, error.stack?.match(/^ +at .+/gm));
  if (req.accepts('json', 'html') === 'json' || res.headersSent) return writeProblem(res, problem);
  next(Object.assign(new Error(problem.title), { status: problem.status }));
};

/** Stops listening at SIGTERM and SIGINT; the process ends after the last answer. */
export function closeWith(server: { close(): unknown }): void {
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => (server.close(), (isClosing = true)));
}
