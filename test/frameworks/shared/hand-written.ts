import { MikroORM } from '@mikro-orm/postgresql';
import config from './mikro-orm.config.ts';

let orm: MikroORM | undefined;

/** A singleton as one writes it by hand: each evaluation of this module opens a pool of its own. */
export const handWritten = (): MikroORM =>
  (orm ??= new MikroORM({ ...config, driverOptions: { application_name: 'hand-written' } }) as unknown as MikroORM);
