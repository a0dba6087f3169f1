import { defineConfig } from '@mikro-orm/postgresql';
import { explicitEntities, explicitMigrations } from 'mikro-orm-web';
import { Animal, Article, Cat, Dog, Tag, User } from './entities.ts';
import * as migrations from './migrations/index.ts';

export default defineConfig({
  clientUrl: process.env['DATABASE_URL'] ?? 'postgresql://localhost:5432/app',
  pool: { max: 4 },
  debug: false,
  entities: explicitEntities({ User, Tag, Article, Animal, Cat, Dog }),
  ...explicitMigrations(migrations, { snapshot: false, silent: true }),
});
