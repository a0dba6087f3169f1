import type { AnyEntity, EntityClass, EntityManager, EntitySchema, IDatabaseDriver, MikroORM } from '@mikro-orm/core';
import { OrmConfigError } from './errors.js';

/** The entries of `entities` in MikroORM's options. */
export type EntityList = readonly (string | EntityClass<AnyEntity> | EntitySchema)[];

/** An ORM of any driver and any entities, also of a readonly list. */
export type AnyOrm = MikroORM<IDatabaseDriver, EntityManager, EntityList>;

/** A ready ORM, or anything that leads to one: what every helper accepts. */
export type OrmSource<ORM extends AnyOrm = MikroORM> = ORM | (() => ORM | Promise<ORM>);

/**
 * The EntityManager behind a source.
 *
 * @example
 * ```ts
 * import type { EmOf } from 'mikro-orm-web';
 * import type { orm } from './orm';
 *
 * export type Em = EmOf<typeof orm>;
 * ```
 */
export type EmOf<Source extends OrmSource<AnyOrm>> = Source extends () => infer Result
  ? Awaited<Result> extends { em: infer EM }
    ? EM
    : never
  : Source extends { em: infer EM }
    ? EM
    : never;

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
