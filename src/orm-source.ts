import type { AnyEntity, EntityClass, EntitySchema, MikroORM } from '@mikro-orm/core';
import type { OrmLike } from './problems/orm-option.js';
import { OrmConfigError } from './errors.js';

/** The entries of `entities` in MikroORM's options. */
export type EntityList = readonly (string | EntityClass<AnyEntity> | EntitySchema)[];

/** An ORM of any driver and any entities. */
export type AnyOrm = OrmLike;

/** A ready ORM, or anything that leads to one: what every helper accepts. */
export type OrmSource<ORM extends AnyOrm = MikroORM> = ORM | (() => ORM | Promise<ORM>);

/** The ORM behind a source, if it is there already: a request that need not wait for it costs less. */
export function readyOrm<ORM extends AnyOrm>(source: OrmSource<ORM>): ORM | undefined {
  // what createOrmSingleton returns
  const orm = typeof source === 'function' ? (source as { current?: ORM }).current : source;
  return orm?.em?.fork && orm;
}

/** The ORM behind a source. */
export async function resolveOrm<ORM extends AnyOrm>(source: OrmSource<ORM>, helper: string): Promise<ORM> {
  const orm = readyOrm(typeof source === 'function' ? await source() : source);
  if (!orm) {
    throw new OrmConfigError(`${helper} got no ORM. Pass an OrmSingleton or a MikroORM.`);
  }
  return orm;
}
