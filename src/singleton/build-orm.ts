import {
  MikroORM,
  type EntityManager,
  type EntityManagerType,
  type IDatabaseDriver,
  type Options,
} from '@mikro-orm/core';
import { OrmConfigError } from '../errors.js';
import type { EntityList } from '../orm-source.js';

/** The EntityManager that a driver brings. */
export type DriverEm<D extends IDatabaseDriver> = D[typeof EntityManagerType] & EntityManager<D>;

/** What a driver's `defineConfig` returns, or a function that leads to it. */
export type OrmConfig<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList> =
  | Partial<Options<D, EM, E>>
  | (() => Partial<Options<D, EM, E>> | Promise<Partial<Options<D, EM, E>>>);

/** Throws where MikroORM cannot run, instead of letting a driver end the process: better-sqlite3 would, on Node.js 20. */
export function assertRuntime(): void {
  const version = 'EdgeRuntime' in globalThis ? undefined : globalThis.process?.versions?.node;
  const [major = 0, minor = 0] = version?.split('.').map(Number) ?? [];
  if (major < 22 || (major === 22 && minor < 17)) {
    throw new OrmConfigError(
      version
        ? `MikroORM 7 needs Node.js 22.17 or later, and this is ${version}. Update it, or add the npm package \`node\` to your devDependencies.`
        : "MikroORM needs Node.js, and this is an edge runtime. In Next.js, remove `export const runtime = 'edge'`.",
    );
  }
}

/** Calls the function that may stand for a config, and checks what a driver cannot say better. */
export async function resolveConfig<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList>(
  config: OrmConfig<D, EM, E>,
  overrides: Partial<Options<D, EM, E>>,
): Promise<Partial<Options<D, EM, E>>> {
  const given = typeof config === 'function' ? await config() : config;
  if (typeof given !== 'object' || given === null) {
    throw new OrmConfigError(
      `createOrmSingleton got ${given === null ? 'null' : typeof given} for \`config\`. Pass what \`defineConfig\` returns, or a function that does.`,
    );
  }
  const resolved = { ...given, ...overrides };
  if (!resolved.driver) {
    throw new OrmConfigError(
      "The config has no `driver`. Import `defineConfig` from your driver's package: import { defineConfig } from '@mikro-orm/sqlite'.",
    );
  }
  return resolved;
}

/**
 * Builds an ORM without connecting. The constructor does not import optional packages, as `init` does, so it works in a
 * bundle; only folder-based discovery needs `init`.
 */
export async function buildOrm<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList>(
  config: Partial<Options<D, EM, E>>,
): Promise<MikroORM<D, EM, E>> {
  const listed: readonly unknown[] = [...(config.entities ?? []), ...(config.entitiesTs ?? [])];
  return listed.some(entity => typeof entity === 'string') ? MikroORM.init(config) : new MikroORM(config);
}
