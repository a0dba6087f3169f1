import type { AnyOrm } from '../orm-source.js';

/** An extension of MikroORM, such as its `Migrator` or `SeedManager`. */
export interface OrmExtension {
  register(orm: AnyOrm): void;
}
