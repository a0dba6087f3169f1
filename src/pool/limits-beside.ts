import type { NativeDriver } from './native/native-client.js';
import type { PoolLimits } from './pool-options.js';

/** What the user has set in `driverOptions` wins: the driver keeps to that by itself. */
export function limitsBeside(given: unknown, limits: PoolLimits, native: NativeDriver | undefined): PoolLimits {
  const names = Object.keys(limits) as (keyof PoolLimits)[];
  const own = names.filter(name => native?.limits((given ?? {}) as Record<string, unknown>, name));
  return { ...limits, ...Object.fromEntries(own.map(name => [name, Infinity])) };
}
