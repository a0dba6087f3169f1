import type { Options } from '@mikro-orm/core';
import { isExplicit } from '../entities/unlisted-entities.js';
import { ownName } from '../migrations/migration-names.js';
import { hasMigrator } from '../migrations/pending-migrations.js';
import type { AnyOrm } from '../orm-source.js';
import { isProduction } from '../util/environment.js';
import { error, warning } from './finding.js';
import { examineNextApp } from './next-app.js';
import { examinePackages } from './packages.js';
import type { Finding } from './report.js';

/** What is wrong with the app, as far as it can be told without the database. */
export function examineApp(orm: AnyOrm, config: Partial<Options>, folder: string): Finding[] {
  return [
    ...examinePackages(folder),
    ...examineNextApp(folder),
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
