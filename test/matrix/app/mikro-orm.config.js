import { defineConfig } from '@mikro-orm/sqlite';
import { explicitEntities, explicitMigrations } from 'mikro-orm-web';
import { UserSchema } from './entities.js';
import * as migrations from './migrations/index.js';

export default defineConfig({
  dbName: process.env.DATABASE_FILE ?? 'app.db',
  entities: explicitEntities({ User: UserSchema }),
  ...explicitMigrations(migrations, { silent: true, snapshot: false }),
});
