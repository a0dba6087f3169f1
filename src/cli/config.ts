import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { MikroORM, type Options } from '@mikro-orm/core';
import type { OrmWebError } from '../index.js';
import { within } from '../util/time-limit.js';
import { registerTypeScript } from './typescript-loader.js';

export type Config = Partial<Options>;

/** Uses an ORM of the config beside the singleton's, with its migrations only. */
export async function withoutEntities<T>(config: Config, use: (orm: MikroORM) => Promise<T>): Promise<T> {
  const orm = new MikroORM({
    ...config,
    entities: [],
    entitiesTs: [],
    discovery: { warnWhenNoEntities: false },
  } as Options) as MikroORM;
  try {
    return await use(orm);
  } finally {
    // a driver waits for an answer of a server that is away; the process ends all the same
    await within(1_000, orm.close()).catch(() => undefined);
  }
}

/** The config as `mikro-orm` finds and loads it, in TypeScript, too. */
export async function findConfig(context: string | undefined, file: string | undefined): Promise<Config> {
  const { CLIHelper, configure } = await import('@mikro-orm/cli').catch((cause: Error & { code?: unknown }) => {
    throw cause.code === 'ERR_MODULE_NOT_FOUND' && cause.message.includes("'@mikro-orm/cli'")
      ? new Error('mikro-orm-web finds the config by @mikro-orm/cli: npm install @mikro-orm/cli, where this runs.')
      : cause;
  });
  if (needsLoader(CLIHelper.getSettings(), CLIHelper.isESM())) {
    registerTypeScript(process.cwd());
    process.env['MIKRO_ORM_CLI_ALWAYS_ALLOW_TS'] ??= '1'; // as MikroORM does, once it has registered a loader
    (globalThis as { dynamicImportProvider?: unknown }).dynamicImportProvider ??= (id: string) => import(id);
  } else {
    await configure(); // registers the loader that the app has
  }
  const config = await CLIHelper.getConfiguration(context, file === undefined ? undefined : [file]);
  const preferTs = CLIHelper.getSettings().preferTs ?? true;
  const { migrationsList, path } = config.get('migrations');
  if (!migrationsList) {
    console.warn(`No explicitMigrations() in the config: looking for files in ${path}.`);
  }
  return { ...config.getAll(), preferTs } as Config;
}

/**
 * Whether MikroORM would find no loader for TypeScript, or one that makes CommonJS of the config and of all that it imports,
 * as tsx does in a package without `"type": "module"`: the driver would then extend another copy of the core than this
 * package has. A loader that the app names is its own affair.
 */
function needsLoader({ preferTs, tsLoader }: { preferTs?: boolean; tsLoader?: string }, isESM: boolean): boolean {
  if (preferTs === false || (tsLoader ?? 'auto') !== 'auto' || process.versions['bun'] || process.versions['deno']) {
    return false;
  }
  const folders = createRequire(import.meta.resolve('@mikro-orm/core')).resolve.paths('tsx') ?? [];
  const loaders = ['@oxc-node/core', '@swc-node/register', ...(isESM ? ['tsx', 'jiti', 'tsimp', '@nubjs/loader'] : [])];
  return !loaders.some(name => folders.some(folder => existsSync(join(folder, name))));
}

/** What went wrong: a connection that fails on each address of a host has no message of its own. */
function describe(error: unknown): string {
  const { message, detail, errors } = Object(error) as Partial<AggregateError & OrmWebError>;
  const text = message || (errors ?? []).map(describe).join('; ') || String(error);
  return detail ? `${text}\n${detail}` : text;
}

/** Prints what went wrong; returns the exit code. */
export function fail(error: unknown, code: number): number {
  console.error(describe(error));
  return code;
}
