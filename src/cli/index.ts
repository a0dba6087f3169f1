#!/usr/bin/env node
import { parseArgs } from 'node:util';
import type { Options } from '@mikro-orm/core';
import { createOrmSingleton, type OrmWebError } from '../index.js';
import { DEFAULT_LOCK_TIMEOUT } from '../migrations/lock/migration-lock.js';

const USAGE = `Usage: mikro-orm-web migrate [options]

Runs pending migrations under the lock of createOrmSingleton({ migrate }), as a step before a deploy. The config is found
as MikroORM's command line finds it (package.json, MIKRO_ORM_CLI_CONFIG, mikro-orm.config.ts …).

  --check             run nothing; exit with 1 if a migration is pending or the database does not answer
  --config <file>     config file
  --context <name>    config of this contextName, where the file exports several
  --lock-timeout <ms> how long to wait for another process that migrates (default: ${DEFAULT_LOCK_TIMEOUT})
  --help`;

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      check: { type: 'boolean' },
      config: { type: 'string' },
      context: { type: 'string' },
      'lock-timeout': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (positionals.join(' ') !== 'migrate') {
    throw new Error(USAGE);
  }
  const lockTimeout = values['lock-timeout'] === undefined ? undefined : Number(values['lock-timeout'] || NaN);
  const config = await findConfig(values.context, values.config);
  if (!config.migrations?.migrationsList) {
    console.warn(`No explicitMigrations() in the config: looking for files in ${config.migrations?.path}.`);
  }
  const orm = createOrmSingleton(config, { migrate: values.check ? false : { lockTimeout } });
  try {
    const { database, migrations } = await orm.check();
    const pending = migrations.pending.join(', ');
    if (values.check) {
      if (!database.ok) {
        throw new Error(`The database does not answer: ${database.reason}.`);
      }
      if (pending) {
        throw new Error(`Pending: ${pending}`);
      }
      console.log('No migration is pending.');
      return;
    }
    await orm();
    console.log(
      pending ? `The database has all migrations; pending were: ${pending}` : 'The database has all migrations.',
    );
  } finally {
    await orm.close();
  }
}

/** The config as `mikro-orm` finds and loads it, in TypeScript, too. */
async function findConfig(context: string | undefined, file: string | undefined): Promise<Partial<Options>> {
  const { CLIHelper, configure } = await import('@mikro-orm/cli').catch((cause: Error & { code?: unknown }) => {
    throw cause.code === 'ERR_MODULE_NOT_FOUND' && cause.message.includes("'@mikro-orm/cli'")
      ? new Error(
          '`mikro-orm-web migrate` finds the config by @mikro-orm/cli: npm install @mikro-orm/cli, where this runs.',
        )
      : cause;
  });
  await configure(); // registers the loader for TypeScript
  const config = await CLIHelper.getConfiguration(context, file === undefined ? undefined : [file]);
  const preferTs = CLIHelper.getSettings().preferTs ?? true;
  return { ...config.getAll(), preferTs } as Partial<Options>;
}

/** What went wrong: a connection that fails on each address of a host has no message of its own. */
function describe(error: unknown): string {
  const { message, detail, errors } = Object(error) as Partial<AggregateError & OrmWebError>;
  const text = message || (errors ?? []).map(describe).join('; ') || String(error);
  return detail ? `${text}\n${detail}` : text;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(describe(error));
  process.exitCode = 1;
});
