import { MikroORM, type Options } from '@mikro-orm/core';
import type { OrmWebError } from '../index.js';

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
    await orm.close();
  }
}

/** The config as `mikro-orm` finds and loads it, in TypeScript, too. */
export async function findConfig(context: string | undefined, file: string | undefined): Promise<Config> {
  const { CLIHelper, configure } = await import('@mikro-orm/cli').catch((cause: Error & { code?: unknown }) => {
    throw cause.code === 'ERR_MODULE_NOT_FOUND' && cause.message.includes("'@mikro-orm/cli'")
      ? new Error('mikro-orm-web finds the config by @mikro-orm/cli: npm install @mikro-orm/cli, where this runs.')
      : cause;
  });
  await configure(); // registers the loader for TypeScript
  const config = await CLIHelper.getConfiguration(context, file === undefined ? undefined : [file]);
  const preferTs = CLIHelper.getSettings().preferTs ?? true;
  const { migrationsList, path } = config.get('migrations');
  if (!migrationsList) {
    console.warn(`No explicitMigrations() in the config: looking for files in ${path}.`);
  }
  return { ...config.getAll(), preferTs } as Config;
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
