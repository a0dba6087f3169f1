import { SqliteDriver } from '@mikro-orm/sqlite';
import { createOrmSingleton, explicitEntities, explicitMigrations, withRequestContext } from '../../dist/index.js';
import { dbName, Migration20260101000000, migrations, Note } from './app.js';

const orm = createOrmSingleton(
  {
    driver: SqliteDriver,
    dbName,
    entities: explicitEntities({ Note }),
    ...explicitMigrations({ Migration20260101000000 }, migrations),
  },
  { migrate: true },
);
const note = await withRequestContext(orm, em => em.findOne(Note, 1));
process.stdout.write(note.text);
