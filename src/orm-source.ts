import type { AnyEntity, EntityClass, EntityManager, EntitySchema, IDatabaseDriver, MikroORM } from '@mikro-orm/core';
import { OrmConfigError } from './errors/orm-web-error.js';

/** The entries of `entities` in MikroORM's options. */
export type EntityList = readonly (string | EntityClass<AnyEntity> | EntitySchema)[];

/** An ORM of any driver and any entities, also of a readonly list. */
export type AnyOrm = MikroORM<IDatabaseDriver, EntityManager, EntityList>;

/** A ready ORM, or anything that leads to one: what every helper accepts. */
export type OrmSource<ORM extends AnyOrm = MikroORM> = ORM | (() => ORM | Promise<ORM>);

/** The ORM behind a source. */
export async function resolveOrm<ORM extends AnyOrm>(source: OrmSource<ORM>, helper: string): Promise<ORM> {
  const orm = typeof source === 'function' ? await source() : source;
  if (typeof orm?.em?.fork !== 'function') {
    throw new OrmConfigError(
      `${helper} got no ORM. Pass what createOrmSingleton returns, a MikroORM instance, or a function that leads to one.`,
    );
  }
  return orm;
}
