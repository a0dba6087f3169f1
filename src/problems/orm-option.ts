import type { AnyEntity, EntityClass, EntityManager, EntitySchema, IDatabaseDriver, MikroORM } from '@mikro-orm/core';
import { read } from './error-fields.js';

/** An ORM of any driver and any entities, also of a readonly list. */
export type OrmLike = MikroORM<
  IDatabaseDriver,
  EntityManager,
  readonly (string | EntityClass<AnyEntity> | EntitySchema)[]
>;

/** A ready ORM, or an `OrmSingleton`: anything whose `current` is one. */
export type OrmOption = OrmLike | { readonly current: OrmLike | undefined };

/** The ORM behind the option; undefined while a singleton has none, and for anything else. */
export function currentOrm(option: OrmOption | undefined): OrmLike | undefined {
  return asOrm(option) ?? asOrm(read(option, 'current'));
}

function asOrm(value: unknown): OrmLike | undefined {
  return typeof read(value, 'getMetadata') === 'function' && typeof read(value, 'config') === 'object'
    ? (value as OrmLike)
    : undefined;
}

/** The scheme of the URLs of the ORM's database, empty for SQLite; undefined without an ORM that can tell. */
export function schemeOf(orm: OrmLike | undefined): string | undefined {
  try {
    return orm?.config.getPlatform().getDefaultClientUrl().split(':')[0];
  } catch {
    return undefined;
  }
}
