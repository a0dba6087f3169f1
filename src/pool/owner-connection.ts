import { driverOptions, isOwnPool, type SqlConnection } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';

/** Hooks that MikroORM hands to Kysely: looked up in the replica's options first, as MikroORM does. */
const HOOKS = ['onCreateConnection', 'onReserveConnection'] as const;

/** Functions that drivers call for each new connection; others (`Client`, `Promise`) are classes. */
const DRIVER_FUNCTIONS = ['password', 'verify', 'onConnect', 'stream'] as const;

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Makes connections that belong to no ORM, with the settings of `first` as they are now: closing or reconnecting an ORM does
 * not touch them. `defaults` are driver options where the settings have none. Hooks and functions are those of the ORM that
 * uses the connection: `borrower` tells which, and without one (a pool that opens a connection by itself) it is `first`.
 * Whether there are any is part of what tells pools apart, so that those of `first` stand for all.
 */
export function ownerLike(
  first: SqlConnection,
  borrower: () => SqlConnection | undefined,
  defaults: Record<string, unknown> = {},
): () => SqlConnection {
  const user = (): SqlConnection => borrower() ?? first;
  const Connection = first.constructor as new (...args: unknown[]) => SqlConnection;
  const given = driverOptions(first);
  const options: Record<string, unknown> = { ...first.options, driverOptions: given };
  if (typeof options['password'] === 'function') {
    options['password'] = () => call(user().options['password'] ?? user().config.get('password'));
  }
  if (isPlainOptions(given)) {
    const copied: Record<string, unknown> = { ...defaults, ...given };
    for (const name of DRIVER_FUNCTIONS.filter(key => typeof given[key] === 'function')) {
      copied[name] = function (this: unknown, ...args: unknown[]) {
        const own = driverOptions(user()) as Record<string, unknown> | undefined;
        return ((own?.[name] ?? given[name]) as AnyFunction).apply(this, args);
      };
    }
    options['driverOptions'] = copied;
  }
  for (const name of HOOKS.filter(key => isHooked(first, key))) {
    options[name] = (...args: unknown[]) =>
      ((user().options[name] ?? user().config.get(name as never)) as AnyFunction | undefined)?.apply(undefined, args);
  }
  const config = configLike(first.config, user);
  return () => {
    const owner = new Connection(config, {}, first.type);
    // the constructor would clone them, and a PGlite instance among them
    Object.assign(owner.options, options);
    return owner;
  };
}

/** Whether a driver asks the ORM that borrows for something when it lends or opens a connection. */
export function asksBorrower(connection: SqlConnection): boolean {
  const options = driverOptions(connection);
  return (
    HOOKS.some(name => isHooked(connection, name)) ||
    connection.config.get('sessionContext') === 'connection' ||
    typeof connection.options['password'] === 'function' ||
    (isPlainOptions(options) && DRIVER_FUNCTIONS.some(name => typeof options[name] === 'function'))
  );
}

function isHooked(connection: SqlConnection, name: (typeof HOOKS)[number]): boolean {
  return !!(connection.options[name] ?? connection.config.get(name));
}

/** The config as it is now, but for what depends on the ORM that uses the connection. */
function configLike(config: AnyOrm['config'], user: () => SqlConnection): AnyOrm['config'] {
  const values: Record<string, unknown> = {
    ...config.getAll(),
    // MikroORM asks this for the session of row-level security, when it reserves a connection
    context: (name: string) => user().config.get('context')(name),
  };
  const logger = new Proxy({} as ReturnType<AnyOrm['config']['getLogger']>, {
    get(_, key) {
      const own = user().config.getLogger();
      const value: unknown = Reflect.get(own, key);
      return typeof value === 'function' ? value.bind(own) : value;
    },
  });
  const own: Record<string, unknown> = {
    get: (key: string, fallback?: unknown) => (values[key] === undefined ? fallback : values[key]),
    getAll: () => values,
    set: (key: string, value: unknown) => void (values[key] = value),
    getLogger: () => logger,
  };
  return new Proxy(config, {
    get(target, key) {
      const value: unknown = own[key as string] ?? Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function call(value: unknown): unknown {
  return typeof value === 'function' ? (value as AnyFunction)() : value;
}

function isPlainOptions(options: unknown): options is Record<string, unknown> {
  return typeof options === 'object' && options !== null && !isOwnPool(options);
}
