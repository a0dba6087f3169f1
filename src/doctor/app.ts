import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Options } from '@mikro-orm/core';
import { isExplicit } from '../entities/unlisted-entities.js';
import { ownName } from '../migrations/migration-names.js';
import { hasMigrator } from '../migrations/pending-migrations.js';
import { sqlConnections } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import { isProduction } from '../util/environment.js';
import type { Finding } from './report.js';

/** What is wrong with the app, as far as it can be told without the database. */
export function examineApp(orm: AnyOrm, config: Partial<Options>, folder: string): Finding[] {
  return [
    ...examineVersions(folder),
    ...examineEntities(orm, config),
    ...examineMigrations(orm, config),
    ...(config.debug && isProduction()
      ? [
          warning(
            'debug',
            'debug is on in production: every statement is logged, with its values.',
            'Write debug: process.env.NODE_ENV !== "production", or leave it out.',
          ),
        ]
      : []),
  ];
}

/** On an older Node.js, neither MikroORM nor an app's config can be loaded. */
export function examineNode(version: string): Finding[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 17)
    ? []
    : [
        error(
          'node-version',
          `MikroORM 7 needs Node.js 22.17 or later, and this is ${version}.`,
          'Update Node.js, or add the npm package `node` to your devDependencies.',
        ),
      ];
}

/** Packages that are released together; others under the scope have versions of their own. */
const RELEASED_TOGETHER =
  'cli core decorators entity-generator es libsql mariadb migrations migrations-mongodb mongodb mssql mysql oracledb pglite postgresql reflection seeder sql sqlite'.split(
    ' ',
  );

/** MikroORM's packages only work with one another in one exact version. */
function examineVersions(folder: string): Finding[] {
  const versions = new Map<string, string>();
  for (let place = folder; ; place = dirname(place)) {
    for (const name of entriesOf(join(place, 'node_modules/@mikro-orm')).filter(item =>
      RELEASED_TOGETHER.includes(item),
    )) {
      const version = versionOf(join(place, 'node_modules/@mikro-orm', name));
      if (version !== undefined && !versions.has(name)) {
        versions.set(name, version);
      }
    }
    if (dirname(place) === place) {
      break;
    }
  }
  const list = [...versions].map(([name, version]) => `@mikro-orm/${name} ${version}`);
  return new Set(versions.values()).size < 2
    ? []
    : [
        {
          ...error(
            'package-versions',
            'The packages of MikroORM have different versions. With two copies of its core, transactions and contexts of one are unknown to the other.',
            'List one exact version for all @mikro-orm/* packages, in every workspace, and install again.',
          ),
          evidence: list,
        },
      ];
}

function examineEntities(orm: AnyOrm, config: Partial<Options>): Finding[] {
  const listed: readonly unknown[] = [...(config.entities ?? []), ...(config.entitiesTs ?? [])];
  if (listed.some(entity => typeof entity === 'string')) {
    return [
      warning(
        'entity-folders',
        'Entities are found in folders. A bundle has no such folder: there nothing is found.',
        'In an app that a bundler builds (Next.js), list them: entities: explicitEntities({ User: UserSchema, … }).',
      ),
    ];
  }
  return listed.length === 0 || isExplicit(orm)
    ? []
    : [
        warning(
          'bare-entities',
          'Entities are listed without names. A minifier changes the names of their classes, and with them join columns, discriminators and tables.',
          'Write entities: explicitEntities({ User: UserSchema, … }), with the name of each class as its key.',
        ),
      ];
}

function examineMigrations(orm: AnyOrm, config: Partial<Options>): Finding[] {
  const list = config.migrations?.migrationsList;
  if (list && !hasMigrator(orm)) {
    return [
      error(
        'no-migrator',
        'migrationsList is set, and the Migrator is not among the extensions. In a bundle it cannot be loaded later.',
        'Write ...explicitMigrations(migrations) into the config: it brings the Migrator.',
      ),
    ];
  }
  const bare = (list ?? []).filter(entry => typeof entry === 'function' && ownName(entry) === undefined);
  if (bare.length > 0) {
    return [
      warning(
        'bare-migrations',
        'migrationsList has bare classes. A minifier changes their names: migrations are then skipped, or run again.',
        'Write ...explicitMigrations(migrations), with import * as migrations from "./migrations".',
      ),
    ];
  }
  return list || !hasMigrator(orm)
    ? []
    : [
        warning(
          'migration-folder',
          'Migrations are found in a folder (path, glob). A bundle has no such folder: there none is found.',
          'In an app that a bundler builds (Next.js), list them: ...explicitMigrations(migrations), with import * as migrations from "./migrations".',
        ),
      ];
}

/** Compares the pool with what the server allows; one process is enough to be refused. */
export async function examinePool(orm: AnyOrm): Promise<Finding[]> {
  const maximum = orm.config.get('pool')?.max;
  const packages = orm.driver.getDependencies();
  const sql = packages.includes('pg')
    ? "select setting as n from pg_settings where name = 'max_connections'"
    : packages.includes('mysql2')
      ? 'select @@max_connections as n'
      : undefined;
  if (maximum === undefined || sql === undefined) {
    return [];
  }
  const [row] = (await sqlConnections(orm)[0]![1].execute(sql)) as { n: string | number }[];
  const limit = Number(row?.n);
  return maximum <= limit
    ? []
    : [
        error(
          'pool-maximum',
          `pool.max is ${maximum}, and the server allows ${limit} connections in all. One busy process has its requests refused.`,
          `Set pool.max to less than ${limit}, divided by the number of processes that run at once, during a deploy, too.`,
        ),
      ];
}

const error = (id: Finding['id'], message: string, fix: string): Finding => ({ id, severity: 'error', message, fix });

const warning = (id: Finding['id'], message: string, fix: string): Finding => ({
  id,
  severity: 'warning',
  message,
  fix,
});

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function versionOf(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: string }).version;
  } catch {
    return undefined;
  }
}
