#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { examine } from '../doctor/doctor.js';
import { readAnswers } from '../doctor/discriminators.js';
import { formatReport } from '../doctor/report.js';
import { DEFAULT_LOCK_TIMEOUT } from '../migrations/lock/migration-lock.js';
import { assertAnswers } from '../singleton/connect.js';
import { add } from './add.js';
import { fail, findConfig, withoutEntities } from './config.js';
import { FRAMEWORKS } from './frameworks.js';
import { assertMigrations, checkMigrations, migrate } from './migrate.js';
import { print, reserveStdout } from './output.js';
import { printStatus } from './status.js';

const USAGE = `Usage: mikro-orm-web migrate [options]
       mikro-orm-web status [options]
       mikro-orm-web doctor [options]
       mikro-orm-web add index [options]
       mikro-orm-web add <framework> [--to <file>]

migrate runs pending migrations under the lock of createOrmSingleton({ migrate }), as a step before a deploy.

  --check             run nothing; exit with 1 if a migration is pending or the database has names that a minifier made, with
                      2 if that cannot be told: no config, no migrations in it, or a database that does not answer
  --schema <name> …   run in each of these schemas in place of the config's own
  --lock-timeout <ms> how long to wait for another process that migrates (default: ${DEFAULT_LOCK_TIMEOUT})

status tells which migrations have run, which are pending, unknown or recorded under a minified name, and where to find the
process that migrates now. It reads only. It exits with 1 if a migration is pending or a name minified, with 2 if it could
not look.

  --json              print one object: { applied, pending, unknown, minified, lock: { held, holder? } }
  --schema <name> …   look at each of these schemas

doctor reads the app's config and its database, and prints what is wrong and how to repair it: the recorded names to write
into explicitMigrations, SQL, and the same as a migration. It changes nothing. It exits with 1 if something is wrong, with 2
if it could not look.

  --json              print one object: { ok, findings, renamed?, repair: { sql, migration?, questions } }
  --discriminator <table.column:value=class value>
                      answers a question of the doctor: animal.type:k=cat; may be repeated

add index lists the migrations that a folder has in its index.ts, for explicitMigrations(). It keeps what is listed.

  --path <folder>     the folder of the migrations (default: the config's, ./migrations or ./src/migrations)

add <framework> copies the framework's adapter into the app in this folder, with a config, an index of entities and one of
migrations, and the instrumentation of Next.js. It leaves alone what exists, and tells what is left to do. The frameworks are
${Object.keys(FRAMEWORKS).join(', ')}.

  --to <file>         where the adapter goes, or is where several files export an ORM (default: the file that exports orm, else
                      orm.ts where the framework keeps such files, in src/ if the app has it)

The config is found as MikroORM's command line finds it (package.json, MIKRO_ORM_CLI_CONFIG, mikro-orm.config.ts …).

  --config <file>     config file
  --context <name>    config of this contextName, where the file exports several
  --help`;

/** What a command is given to find the config by, and how to print. */
interface LookOptions {
  context?: string | undefined;
  config?: string | undefined;
  json?: boolean | undefined;
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
      to: { type: 'string' },
      schema: { type: 'string', multiple: true },
      discriminator: { type: 'string', multiple: true },
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
  if (command === 'add' && more.length <= 1) {
    return add(more[0], values);
  }
  if (!['migrate', 'status', 'doctor'].includes(command ?? '') || (!schemas && more.length > 0)) {
    throw new Error(USAGE);
  }
  if (command === 'doctor' || values.json) {
    reserveStdout();
  }
  if (command === 'doctor') {
    return doctor(values).catch(error => fail(error, 2));
  }
  if (command === 'status') {
    return status({ ...values, schemas }).catch(error => fail(error, 2));
  }
  if (values.check) {
    const check = async () => checkMigrations(await findConfig(values.context, values.config), schemas);
    return check().catch(error => fail(error, 2));
  }
  const lockTimeout = values['lock-timeout'] === undefined ? undefined : Number(values['lock-timeout'] || NaN);
  const config = await findConfig(values.context, values.config);
  await withoutEntities(config, assertMigrations);
  return migrate(config, { lockTimeout, schemas });
}

async function status({
  context,
  config: file,
  ...options
}: LookOptions & { schemas: string[] | undefined }): Promise<number> {
  return withoutEntities(await findConfig(context, file), async orm => {
    await assertMigrations(orm);
    await assertAnswers(orm);
    return printStatus(orm, options);
  });
}

/** Prints what is wrong, to stdout; what else there is to say goes to stderr. */
async function doctor(options: LookOptions & { discriminator?: string[] | undefined }): Promise<number> {
  const answers = readAnswers(options.discriminator ?? []);
  const { report, notes } = await examine(() => findConfig(options.context, options.config), { answers });
  print(options.json ? JSON.stringify(report, null, 2) : formatReport(report, notes));
  return report.ok ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2)).catch(error => fail(error, 1));
// what a config has opened, such as wrangler's proxy of D1, must not keep a deploy step waiting
setTimeout(() => process.exit(), 500).unref();
