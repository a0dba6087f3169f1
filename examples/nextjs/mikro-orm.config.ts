// Next.js bundles this file, and the MikroORM CLI loads it with plain Node.js, which strips the types: that is why it
// and everything it imports write `.ts` in relative imports. Importing it opens nothing.
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { Options } from '@mikro-orm/sql';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { explicitEntities, explicitMigrations } from 'mikro-orm-web';
import * as entities from './lib/entities/index.ts';
import * as postgresqlMigrations from './migrations/postgresql/index.ts';
import * as sqliteMigrations from './migrations/sqlite/index.ts';

const url = process.env.DATABASE_URL;

// An app on one database needs only one of the two branches, and one folder of migrations.
const database: Options = url?.startsWith('postgres')
  ? {
      driver: PostgreSqlDriver,
      clientUrl: url,
      ...explicitMigrations(postgresqlMigrations, { path: './migrations/postgresql', snapshotName: '.snapshot' }),
    }
  : {
      driver: SqliteDriver,
      dbName: process.env.DATABASE_FILE ?? 'app.db',
      ...explicitMigrations(sqliteMigrations, { path: './migrations/sqlite', snapshotName: '.snapshot' }),
    };

const config: Options = { ...database, entities: explicitEntities(entities) };
export default config;
