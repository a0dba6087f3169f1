// Importing this opens nothing. The MikroORM CLI loads what tsc makes of it.
import { PgliteDriver } from '@mikro-orm/pglite';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { Options } from '@mikro-orm/sql';
import { explicitEntities, explicitMigrations } from 'mikro-orm-web';
import { Inventory } from './entities/inventory.ts';
import { Order } from './entities/order.ts';
import { User } from './entities/user.ts';
import * as migrations from './migrations/index.ts';

const url = process.env['DATABASE_URL'];

// PGlite is PostgreSQL in this very process, in a folder: no server to install. An app needs only one of the two.
const database: Options = url
  ? { driver: PostgreSqlDriver, clientUrl: url }
  : { driver: PgliteDriver, dbName: process.env['DATABASE_DIR'] ?? './data' };

const config: Options = {
  ...database,
  entities: explicitEntities({ User, Inventory, Order }),
  ...explicitMigrations(migrations, {
    path: './dist/migrations',
    pathTs: './src/migrations',
    snapshotName: '.snapshot',
  }),
};
export default config;
