// An app that `npx mikro-orm-web add daloyjs` has set up: the example's adapter and its entities.
import { serialize } from '@mikro-orm/core';
import { App } from '@daloyjs/core';
import { serve } from '@daloyjs/core/node';
import { z } from 'zod';
import { User } from '../../../examples/daloyjs/src/entities/user.ts';
import { ormHooks, ormPlugin } from '../../../examples/daloyjs/src/orm.ts';

export { App, ormHooks, ormPlugin, serialize, serve, User, z };
export declare function users(app: App): void;
export declare function health(app: App): void;
export declare function buildApp(): App;
