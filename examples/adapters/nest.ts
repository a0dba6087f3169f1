import { Catch, createParamDecorator, Global, Module } from '@nestjs/common';
import type { ArgumentsHost, MiddlewareConsumer } from '@nestjs/common';
import { APP_FILTER, BaseExceptionFilter } from '@nestjs/core';
import type { Request, Response } from 'express';
import { createOrmSingleton, mapOrmError, openEm, writeProblem, type EmOf } from 'mikro-orm-web';
import config from './mikro-orm.config.ts';

export const orm = createOrmSingleton(config, { migrate: true });
export type Em = EmOf<typeof orm>;
type EmRequest = Request & { em: Em };
let isClosing = false;

/** `@CurrentEm() em: Em` in a handler: the request's own EntityManager, which ends when the answer was sent. */
export const CurrentEm = createParamDecorator((_, host) => host.switchToHttp().getRequest<EmRequest>().em);
async function withEm(req: EmRequest, res: Response, next: () => void): Promise<void> {
  const { em, end } = await openEm(orm);
  req.em = em;
  void (res.closed ? end() : res.once('close', end)); // closed: the client left while the database opened
  if (isClosing) res.setHeader('connection', 'close'); // or clients that keep theirs would keep the server open
  next();
}
/** Errors of the ORM and of the database become problem details; Nest answers all others. */
@Catch()
class ProblemFilter extends BaseExceptionFilter {
  override catch(error: Error, host: ArgumentsHost): void {
    const problem = mapOrmError(error, { orm });
    if (!problem) return super.catch(error, host); // the log gets no message of the error, which holds values
    if (problem.status >= 500) console.error(problem.code, problem.entity, error.stack?.match(/^ +at .+/gm));
    writeProblem(host.switchToHttp().getResponse<Response>(), problem);
  }
}
/** Import it in the AppModule, and call `app.enableShutdownHooks()`: opens and migrates, and closes after the last answer. */
@Global() // whose middleware comes first
@Module({ providers: [{ provide: APP_FILTER, useClass: ProblemFilter }] })
export class OrmModule {
  configure = (consumer: MiddlewareConsumer): void => void consumer.apply(withEm).forRoutes('{*path}');
  onModuleInit = async (): Promise<void> => void (await orm());
  beforeApplicationShutdown = (): void => void (isClosing = true);
  onApplicationShutdown = (): Promise<void> => orm.close({ drain: 25_000 });
}
