import type { Options } from '@mikro-orm/core';
import type { MigrateOptions } from '../migrations/migrate-options.js';

/** On a singleton: what leads to its settings, for another entry of this package, which may be another copy of it. */
export const SETTINGS = Symbol.for('mikro-orm-web/singleton-settings@1');

/** What a singleton will be opened with. */
export interface SingletonSettings {
  /** The config with what `configure()` has merged into it so far. A config that is a function is called once. */
  read(): Promise<Partial<Options>>;
  readonly isUsed: boolean;
  readonly migrate: boolean | MigrateOptions | undefined;
}

/** The settings of what `createOrmSingleton` returned; undefined for anything else. */
export const settingsOf = (singleton: object): SingletonSettings | undefined =>
  (singleton as { [SETTINGS]?: SingletonSettings })[SETTINGS];
