import { RequestContext } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/sqlite';
import { dbName, Migration20260101000000, migrations, Note } from './app.js';

const orm = await MikroORM.init({
  dbName,
  entities: [Note],
  extensions: [Migrator],
  migrations: {
    ...migrations,
    migrationsList: [{ name: 'Migration20260101000000', class: Migration20260101000000 }],
  },
});
await orm.migrator.up();
const note = await RequestContext.create(orm.em, () => orm.em.findOne(Note, 1));
process.stdout.write(note.text);
