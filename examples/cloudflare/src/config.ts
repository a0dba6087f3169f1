import { SqliteDriver } from '@mikro-orm/sql';
import { explicitEntities, explicitMigrations } from 'mikro-orm-web';
import { Article, Tag, User } from './entities.ts';
import * as migrations from './migrations/index.ts';

/** What the worker and its deploy step have in common: all but the way to the database. */
export const config = {
  driver: SqliteDriver,
  dbName: 'articles',
  entities: explicitEntities({ User, Tag, Article }),
  ...explicitMigrations(migrations, { path: './src/migrations', snapshot: false }),
};
