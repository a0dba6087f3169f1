import type { AnyOrm } from '../orm-source.js';
import { read } from './error-fields.js';

/** A ready ORM, or an `OrmSingleton`: anything whose `current` is one. */
export type OrmOption = AnyOrm | { readonly current: AnyOrm | undefined };

/** The ORM behind the option; undefined while a singleton has none, and for anything else. */
export function currentOrm(option: OrmOption | undefined): AnyOrm | undefined {
  return asOrm(option) ?? asOrm(read(option, 'current'));
}

function asOrm(value: unknown): AnyOrm | undefined {
  return typeof read(value, 'getMetadata') === 'function' && typeof read(value, 'config') === 'object'
    ? (value as AnyOrm)
    : undefined;
}

/** The scheme of the URLs of the ORM's database, empty for SQLite; undefined without an ORM that can tell. */
export function schemeOf(orm: AnyOrm | undefined): string | undefined {
  try {
    return orm?.config.getPlatform().getDefaultClientUrl().split(':')[0];
  } catch {
    return undefined;
  }
}
