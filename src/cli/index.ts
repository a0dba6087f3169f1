#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MikroORM, type Options } from '@mikro-orm/core';
import { createOrmSingleton, type OrmWebError } from '../index.js';
import { renamedMigrations } from '../migrations/checked-migrator.js';
import { DEFAULT_LOCK_TIMEOUT } from '../migrations/lock/migration-lock.js';
import { assertMigrationsFolder } from '../migrations/migrations-folder.js';
import type { MigrateOptions, RunSchema } from '../migrations/migrate-options.js';
import { assertMigratable, inSchema } from '../migrations/pending-migrations.js';
import { assertRecordedNames } from '../migrations/recorded-names.js';
import { identifyDatabase } from '../process/database-identity.js';
import { addIndex } from './add-index.js';
import { printStatus } from './status.js';

const USAGE = `Usage: mikro-orm-web migrate [options]
       mikro-orm-web status [options]
       mikro-orm-web add index [options]

migrate  Runs pending migrations under the lock of createOrmSingleton({ migrate }), as a step before a deploy.
status   Tells which migrations have run, which are pending, unknown or recorded under a minified name, and where to find
         the process that migrates now. Reads only. Exits with 1 if a migration is pending or a name minified, with 2 if it
         could not look.
add index  Lists the migrations that a folder has in its index.ts, for explicitMigrations(). Keeps what is listed.

The config is found as MikroORM's command line finds it (package.json, MIKRO_ORM_CLI_CONFIG, mikro-orm.config.ts …).

  --check             run nothing; exit with 1 if a migration is pending or the recorded names need a repair, with 2 if that
                      cannot be told: no config, no migrations in it, or a database that does not answer
  --config <file>     config file
  --context <name>    config of this contextName, where the file exports several
  --path <folder>     add index: the folder of the migrations (default: the config's, ./migrations or ./src/migrations)
  --json              status: print one object: { applied, pending, unknown, minified, lock: { held, holder? } }
  --schema <name> …   run in each of these schemas in place of the config's own
  --lock-timeout <ms> how long to wait for another process that migrates (default: ${DEFAULT_LOCK_TIMEOUT})
  --help`;

type Config = Partial<Options>;

interface StatusOptions {
  context?: string | undefined;
  config?: string | undefined;
  json?: boolean | undefined;
  schemas: string[] | undefined;
}

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
      path: { type: 'string' },
      json: { type: 'boolean' },
      schema: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [command, ...more] = positionals;
  // `--schema a b` is two, as in `--schema a --schema b`
  const schemas = values.schema && [...values.schema, ...more];
  if (positionals.join(' ') === 'add index') {
    // the config may import the index that is missing
    const config = await findConfig(values.context, values.config).catch(() => undefined);
    return addIndex(config, { path: values.path, baseDir: config?.baseDir ?? process.cwd() });
  }
  if ((command !== 'migrate' && command !== 'status') || (!schemas && more.length > 0)) {
    throw new Error(USAGE);
  }
  if (command === 'status') {
    return status({ ...values, schemas }).catch(error => fail(error, 2));
  }
  const lockTimeout = values['lock-timeout'] === undefined ? undefined : Number(values['lock-timeout'] || NaN);
  if (values.check) {
    return check(values.context, values.config, schemas).catch(error => fail(error, 2));
  }
  const config = await findConfig(values.context, values.config);
  await withoutEntities(config, assertMigrations);
  return migrate(config, { lockTimeout, schemas });
}

async function status({ context, config: file, ...options }: StatusOptions): Promise<number> {
  return withoutEntities(await findConfig(context, file), async orm => {
    await assertMigrations(orm);
    return printStatus(orm, options);
  });
}

async function migrate(config: Config, options: MigrateOptions): Promise<number> {
  const orm = createOrmSingleton(config, { migrate: options });
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

async function check(
  context: string | undefined,
  file: string | undefined,
  schemas: string[] | undefined,
): Promise<number> {
  const config = await findConfig(context, file);
  await withoutEntities(config, assertMigrations);
  const orm = createOrmSingleton(config, { migrate: { schemas } });
  try {
    const { database, migrations } = await orm.check();
    if (!database.ok) {
      throw new Error(`The database does not answer: ${database.reason}.`);
    }
    const { recorded, repairs } = await withoutEntities(config, own => readNames(own, schemas ?? [undefined]));
    const pending = migrations.pending.filter(name => !recorded.has(name));
    if (pending.length > 0 || repairs.length > 0) {
      throw new ToDo(
        [
          pending.length > 0 && `Pending: ${pending.join(', ')}`,
          repairs.length > 0 && `To rename: ${repairs.join(', ')}`,
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
async function readNames(
  orm: MikroORM,
  schemas: readonly RunSchema[],
): Promise<{ recorded: ReadonlySet<string>; repairs: string[] }> {
  const { file } = identifyDatabase(orm);
  const [all, repairs]: [string[], string[]] = [[], []];
  if (file === undefined || existsSync(file)) {
    for (const schema of schemas) {
      const { recorded, targets } = await assertRecordedNames(orm, renamedMigrations(orm), undefined, schema);
      all.push(...[...recorded].map(name => inSchema(schema, name)));
      repairs.push(...Array.from(targets, ([{ id, name }, to]) => `${id} ${inSchema(schema, name)} (${to})`));
    }
  }
  return { recorded: new Set(all), repairs };
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
      ? new Error(
          '`mikro-orm-web migrate` finds the config by @mikro-orm/cli: npm install @mikro-orm/cli, where this runs.',
        )
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
