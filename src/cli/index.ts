#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MikroORM, type Options } from '@mikro-orm/core';
import { createOrmSingleton, type OrmWebError } from '../index.js';
import { examine } from '../doctor/doctor.js';
import { readAnswers } from '../doctor/discriminators.js';
import { formatReport } from '../doctor/report.js';
import { renamedMigrations } from '../migrations/checked-migrator.js';
import { DEFAULT_LOCK_TIMEOUT } from '../migrations/lock/migration-lock.js';
import { assertMigrationsFolder } from '../migrations/migrations-folder.js';
import { assertMigratable } from '../migrations/pending-migrations.js';
import { assertRecordedNames } from '../migrations/recorded-names.js';
import { identifyDatabase } from '../process/database-identity.js';

const USAGE = `Usage: mikro-orm-web migrate [options]
       mikro-orm-web doctor [options]

migrate runs pending migrations under the lock of createOrmSingleton({ migrate }), as a step before a deploy.

  --check             run nothing; exit with 1 if a migration is pending or the database has names that a minifier made, with
                      2 if that cannot be told: no config, no migrations in it, or a database that does not answer
  --lock-timeout <ms> how long to wait for another process that migrates (default: ${DEFAULT_LOCK_TIMEOUT})

doctor reads the app's config and its database, and prints what is wrong and how to repair it: the recorded names to write
into explicitMigrations, SQL, and the same as a migration. It changes nothing. It exits with 1 if something is wrong, with 2
if it could not look.

  --json              print one object: { ok, findings, renamed?, repair: { sql, migration?, questions } }
  --discriminator <table.column:value=class value>
                      answers a question of the doctor: animal.type:k=cat; may be repeated

The config is found as MikroORM's command line finds it (package.json, MIKRO_ORM_CLI_CONFIG, mikro-orm.config.ts …).

  --config <file>     config file
  --context <name>    config of this contextName, where the file exports several
  --help`;

type Config = Partial<Options>;

/** Exit codes: 0 for fine, 1 for something to do or wrong, 2 for what could not be looked at. */
async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      check: { type: 'boolean' },
      config: { type: 'string' },
      context: { type: 'string' },
      'lock-timeout': { type: 'string' },
      json: { type: 'boolean' },
      discriminator: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (positionals.join(' ') === 'doctor') {
    return doctor(values).catch(error => fail(error, 2));
  }
  if (positionals.join(' ') !== 'migrate') {
    throw new Error(USAGE);
  }
  const lockTimeout = values['lock-timeout'] === undefined ? undefined : Number(values['lock-timeout'] || NaN);
  if (values.check) {
    return check(values.context, values.config).catch(error => fail(error, 2));
  }
  const config = await findConfig(values.context, values.config);
  await withoutEntities(config, assertMigrations);
  return migrate(config, lockTimeout);
}

/** Prints what is wrong, to stdout; what else there is to say goes to stderr. */
async function doctor(options: {
  context?: string | undefined;
  config?: string | undefined;
  json?: boolean | undefined;
  discriminator?: string[] | undefined;
}): Promise<number> {
  const answers = readAnswers(options.discriminator ?? []);
  const { report, notes } = await examine(() => findConfig(options.context, options.config), { answers });
  console.log(options.json ? JSON.stringify(report, null, 2) : formatReport(report, notes));
  return report.ok ? 0 : 1;
}

async function migrate(config: Config, lockTimeout: number | undefined): Promise<number> {
  const orm = createOrmSingleton(config, { migrate: { lockTimeout } });
  try {
    const { migrations } = await orm.check();
    const pending = migrations.pending.join(', ');
    await orm();
    console.log(
      pending ? `The database has all migrations; pending were: ${pending}` : 'The database has all migrations.',
    );
    return 0;
  } finally {
    await orm.close();
  }
}

async function check(context: string | undefined, file: string | undefined): Promise<number> {
  const config = await findConfig(context, file);
  await withoutEntities(config, assertMigrations);
  const orm = createOrmSingleton(config);
  try {
    const { database, migrations, schema } = await orm.check();
    if (!database.ok) {
      throw new Error(`The database does not answer: ${database.reason}.`);
    }
    const { recorded, repairs } = await withoutEntities(config, readNames);
    const pending = migrations.pending.filter(name => !recorded.has(name));
    // names that `renamed` repairs are told below
    const reason = repairs.length === 0 ? schema?.reason : undefined;
    if (pending.length > 0 || repairs.length > 0 || reason !== undefined) {
      throw new ToDo(
        [
          pending.length > 0 && `Pending: ${pending.join(', ')}`,
          repairs.length > 0 && `To rename: ${repairs.join(', ')}`,
          reason,
        ]
          .filter(Boolean)
          .join('\n'),
      );
    }
    console.log('No migration is pending.');
    return 0;
  } catch (error) {
    return fail(error, error instanceof ToDo || (error as Partial<OrmWebError>).code === 'EXPLICIT_NAME' ? 1 : 2);
  } finally {
    await orm.close();
  }
}

/** What `migrate` would change. */
class ToDo extends Error {}

/** Throws where there is nothing that could be run: an answer to "is something pending?" would be wrong. */
async function assertMigrations(orm: MikroORM): Promise<void> {
  assertMigratable(orm);
  await assertMigrationsFolder(orm);
}

/** Reads the recorded names as a run would see them; a file that is not there has none, and must not be created. */
async function readNames(orm: MikroORM): Promise<{ recorded: ReadonlySet<string>; repairs: string[] }> {
  const { file } = identifyDatabase(orm);
  if (file !== undefined && !existsSync(file)) {
    return { recorded: new Set(), repairs: [] };
  }
  const { recorded, targets } = await assertRecordedNames(orm, renamedMigrations(orm));
  return { recorded, repairs: Array.from(targets, ([{ id, name }, to]) => `${id} ${name} (${to})`) };
}

/** Uses an ORM of the config beside the singleton's, with its migrations only. */
async function withoutEntities<T>(config: Config, use: (orm: MikroORM) => Promise<T>): Promise<T> {
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
async function findConfig(context: string | undefined, file: string | undefined): Promise<Config> {
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

function fail(error: unknown, code: number): number {
  console.error(describe(error));
  return code;
}

process.exitCode = await main(process.argv.slice(2)).catch(error => fail(error, 1));
