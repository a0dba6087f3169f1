import 'reflect-metadata';
import { Readable } from 'node:stream';
import { Controller, Get, Header, Inject, Injectable, Module, Param, Res, Scope } from '@nestjs/common';
import { NestFactory, REQUEST } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import { CurrentEm, orm, OrmModule, type Em } from './orm.ts';
import { doWork, page, rows } from './work.ts';

const port = Number(process.env['PORT']);
const self = (path: string): Promise<globalThis.Response> => fetch(`http://127.0.0.1:${port}${path}`);

/** A service of the request, which handlers get injected. */
@Injectable({ scope: Scope.REQUEST })
class Users {
  readonly em: Em;
  constructor(@Inject(REQUEST) request: Request & { em: Em }) {
    this.em = request.em;
  }
}

@Controller()
class AppController {
  readonly #users: Users;
  constructor(@Inject(Users) users: Users) {
    this.#users = users;
  }

  @Get('api/:work')
  async api(@Param('work') work: string, @CurrentEm() em: Em, @Res({ passthrough: true }) res: Response) {
    return (await doWork(work, { em, before: res.locals['before'], nested: this.#users.em, self })) ?? {};
  }

  @Get('stream')
  stream(@CurrentEm() em: Em, @Res() res: Response): void {
    Readable.fromWeb(rows(em)).pipe(res);
  }

  @Get('page')
  @Header('content-type', 'text/html')
  page(@CurrentEm() em: Em): Promise<string> {
    return page(em);
  }
}

@Controller()
class HealthController {
  @Get('health')
  async health(@Res() res: Response): Promise<void> {
    const health = await orm.check();
    res.status(health.ok ? 200 : 503).json(health);
  }
}

@Module({ imports: [OrmModule], controllers: [HealthController, AppController], providers: [Users] })
class AppModule {
  configure(consumer: import('@nestjs/common').MiddlewareConsumer): void {
    consumer
      .apply((req: Request & { em: Em }, res: Response, next: NextFunction) => {
        res.locals['before'] = req.em;
        next();
      })
      .forRoutes('{*path}');
  }
}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
await app.listen(port, '127.0.0.1');
