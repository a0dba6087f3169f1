import { TESTED_VERSION } from './frameworks.js';

/** A database by its driver: how a config names it. */
const DATABASES = {
  sqlite: `dbName: process.env['DATABASE_FILE'] ?? 'app.db',`,
  libsql: `dbName: process.env['DATABASE_FILE'] ?? 'app.db',`,
  pglite: `dbName: process.env['DATABASE_DIR'] ?? './data', // a folder`,
  postgresql: `clientUrl: process.env['DATABASE_URL'] ?? 'postgresql://localhost:5432/app',`,
  mariadb: `clientUrl: process.env['DATABASE_URL'] ?? 'mariadb://localhost:3306/app',`,
  mysql: `clientUrl: process.env['DATABASE_URL'] ?? 'mysql://localhost:3306/app',`,
};

export type Driver = keyof typeof DATABASES;

/** The packages of an app's package.json, with their versions. */
export type Dependencies = Readonly<Record<string, string>>;

/** The driver that an app has. */
export function findDriver(dependencies: Dependencies): Driver {
  const drivers = Object.keys(DATABASES) as Driver[];
  return drivers.find(driver => `@mikro-orm/${driver}` in dependencies) ?? 'sqlite';
}

/** The commands that install what an app lacks. All `@mikro-orm/*` packages need one exact version. */
export function installCommands(dependencies: Dependencies, driver: Driver, tools: readonly string[]): string[] {
  const core = dependencies['@mikro-orm/core'] ?? '';
  const version = /^\d+\.\d+\.\d+$/.test(core) ? core : TESTED_VERSION;
  const lacks = (names: readonly string[]): string[] =>
    names.flatMap(name => {
      const wanted = name.startsWith('@mikro-orm/') ? version : undefined;
      const isThere = wanted === undefined ? name in dependencies : dependencies[name] === wanted;
      return isThere ? [] : [wanted === undefined ? name : `${name}@${wanted}`];
    });
  const packages = ['core', 'migrations', driver].map(name => `@mikro-orm/${name}`);
  return [
    ['npm install --save-exact', ...lacks(['mikro-orm-web', ...packages])],
    ['npm install --save-dev --save-exact', ...lacks(['@mikro-orm/cli', ...tools])],
  ].flatMap(command => (command.length > 1 ? [command.join(' ')] : []));
}

/** A mikro-orm.config.ts. */
export function configText(
  driver: Driver,
  modules: { entities: string; migrations: string; migrationsFolder: string },
): string {
  return `// Importing this opens nothing. MikroORM's command line loads it, too.
import { defineConfig } from '@mikro-orm/${driver}';
import { explicitEntities, explicitMigrations } from 'mikro-orm-web';
import * as entities from '${modules.entities}';
import * as migrations from '${modules.migrations}';

export default defineConfig({
  ${DATABASES[driver]}
  entities: explicitEntities(entities),
  ...explicitMigrations(migrations, { path: '${modules.migrationsFolder}', snapshotName: '.snapshot' }),
});
`;
}

/** An index of migrations that `migration:create` fills. */
export const EMPTY_INDEX = 'export {};\n';

export const ENTITY = `import { defineEntity, p } from '@mikro-orm/core';

// An entity to begin with. Change it, or write your own in its place.
const UserSchema = defineEntity({
  name: 'User',
  properties: {
    id: p.integer().primary(),
    email: p.string().unique(),
    name: p.string(),
  },
});

export class User extends UserSchema.class {}
UserSchema.setClass(User);
`;

/** The index of the entity above. */
export const entitiesIndex = (user: string): string =>
  `// Each entity that is exported here gets its table: the names are those of the classes.
export { User } from '${user}';
`;

/** The index of a folder that has entities, and no index. */
export const emptyEntitiesIndex = (extension: string): string =>
  `// Export each entity of this folder under the name of its class: export { User } from './user${extension}';
export {};
`;
