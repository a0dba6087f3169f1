import {
  DatabaseDriver,
  MikroORM,
  type EntityManager,
  type EntityManagerType,
  type IDatabaseDriver,
  type Options,
} from '@mikro-orm/core';
import { OrmConfigError } from '../errors.js';
import { onMissingExtension } from '../mikro-orm-internals.js';
import type { AnyOrm, EntityList } from '../orm-source.js';

/** The EntityManager that a driver brings. */
export type DriverEm<D extends IDatabaseDriver> = D[typeof EntityManagerType] & EntityManager<D>;

/** What a driver's `defineConfig` returns, or a function that leads to it. */
export type OrmConfig<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList> =
  | Partial<Options<D, EM, E>>
  | (() => Partial<Options<D, EM, E>> | Promise<Partial<Options<D, EM, E>>>);

type AnyOptions = Partial<Options<IDatabaseDriver, EntityManager, EntityList>>;

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
 * bundle; what only `init` can do (entities found in folders, a metadata cache that is still to be loaded) leads there.
 */
export async function buildOrm<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList>(
  config: Partial<Options<D, EM, E>>,
): Promise<MikroORM<D, EM, E>> {
  await assertOneCore(config.driver);
  // MikroORM.init() writes into what it is given, and into a `discovery` that the app's configs may have in common
  const given = { ...config, discovery: { ...config.discovery, skipSyncDiscovery: false } };
  if (needsInit(config as AnyOptions)) {
    return MikroORM.init({ ...given, discovery: { ...config.discovery, skipSyncDiscovery: true } });
  }
  const orm = new MikroORM<D, EM, E>(given);
  onMissingExtension(orm, (name, packageName) => loadExtension(orm, name, packageName));
  return orm;
}

function needsInit({ entities, entitiesTs, metadataCache, metadataProvider, preferEnvVars }: AnyOptions): boolean {
  const listed: readonly unknown[] = [...(entities ?? []), ...(entitiesTs ?? [])];
  const fromEnvironment =
    (listed.length === 0 || preferEnvVars) &&
    (process.env['MIKRO_ORM_ENTITIES'] ?? process.env['MIKRO_ORM_ENTITIES_TS']);
  const isCached = metadataCache?.enabled || (metadataProvider as { useCache?(): boolean } | undefined)?.useCache?.();
  return (
    listed.some(entity => typeof entity === 'string') ||
    !!fromEnvironment ||
    (!!isCached && metadataCache?.adapter === undefined)
  );
}

/** Loads an extension that the app has installed and not listed, as `MikroORM.init()` does: here, when it is first asked for. */
function loadExtension(orm: AnyOrm, name: string, packageName: string): unknown {
  try {
    const { createRequire } = process.getBuiltinModule('node:module');
    const require = createRequire(import.meta.url);
    const extension = (require(packageName) as Record<string, { register(orm: AnyOrm): void } | undefined>)[name];
    extension?.register(orm);
    return orm.config.getExtension(EXTENSION_KEYS[name] ?? packageName);
  } catch {
    return undefined; // not installed, says MikroORM
  }
}

/** Under which name an extension registers itself, where that is not its package's. */
const EXTENSION_KEYS: Record<string, string> = { Migrator: '@mikro-orm/migrator' };

/**
 * Refuses an app that has two copies of `@mikro-orm/core`, the driver's and this library's: contexts and transactions of one
 * are unknown to the other, so that requests would silently share nothing, or too much. npm makes two for workspaces that
 * list different versions, and for linked packages.
 */
async function assertOneCore(driver: unknown): Promise<void> {
  if (typeof driver === 'function' && driver.prototype instanceof DatabaseDriver) {
    return;
  }
  const [ours, theirs] = [await placeOfCore(DatabaseDriver), await placeOfCore(driver)];
  throw new OrmConfigError(
    theirs === undefined
      ? "`driver` in the config is no driver of MikroORM. Import `defineConfig` from your driver's package: import { defineConfig } from '@mikro-orm/sqlite'."
      : ours === theirs
        ? `@mikro-orm/core is loaded twice from ${ours}: by import and, transformed, by require, as tsx does in a CommonJS app. Make the app ESM: npm pkg set type=module.`
        : `Two copies of @mikro-orm/core are loaded: mikro-orm-web uses ${ours}, and the driver extends ${theirs}. List one exact version for all @mikro-orm/* packages, in every workspace (\`npm ls @mikro-orm/core\`), and let a bundler keep all of them external, or none.`,
  );
}

/** The folder that a driver's base class was loaded from, as a method of it tells that does nothing but throw. */
async function placeOfCore(driver: unknown): Promise<string | undefined> {
  let base: { aggregate(): Promise<unknown> } | undefined;
  for (
    let next: unknown = (driver as { prototype?: unknown } | undefined)?.prototype;
    next;
    next = Object.getPrototypeOf(next)
  ) {
    base = Object.hasOwn(next, 'aggregate') ? (next as NonNullable<typeof base>) : base;
  }
  try {
    await base?.aggregate.call({ constructor: { name: 'any' } });
  } catch (error) {
    const [, file] = /\n *at [^\n]*?(?:file:\/\/)?(\/?[^\s()]+?):\d+:\d+\)?/.exec((error as Error).stack ?? '') ?? [];
    return file?.replace(/\/drivers\/[^/]*$/, '');
  }
  return undefined;
}
