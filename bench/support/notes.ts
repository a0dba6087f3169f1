import { MikroORM, RequestContext, defineEntity, p } from '@mikro-orm/core';
import { Migration, Migrator } from '@mikro-orm/migrations';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { explicitEntities, explicitMigrations } from '../../dist/index.js';

export class Migration20260101000000 extends Migration {
  override up(): void {
    this.addSql('create table note (id integer primary key autoincrement, text varchar(200) not null)');
    this.addSql(`insert into note (text) values ('first')`);
  }
}

/** The smallest app: one entity, one migration. Each call makes an entity class of its own, as a module graph does. */
export function notes(dbName: string) {
  const NoteSchema = defineEntity({
    name: 'Note',
    tableName: 'note',
    properties: { id: p.integer().primary(), text: p.string() },
  });
  class Note extends NoteSchema.class {}
  NoteSchema.setClass(Note);
  const common = { driver: SqliteDriver, dbName };
  const migrations = { silent: true, snapshot: false };
  return {
    Note,
    ours: {
      ...common,
      entities: explicitEntities({ Note }),
      ...explicitMigrations({ Migration20260101000000 }, migrations),
    },
    guide: {
      ...common,
      entities: [NoteSchema],
      extensions: [Migrator],
      migrations: {
        ...migrations,
        migrationsList: [{ name: 'Migration20260101000000', class: Migration20260101000000 }],
      },
    },
  };
}

/** The pattern of MikroORM's guide for Next.js, word for word but for the config. */
export function guidePattern(config: ReturnType<typeof notes>['guide']) {
  type Services = { orm: MikroORM; em: MikroORM['em'] };
  let cache: Services | undefined;

  async function initORM(): Promise<Services> {
    if (cache) {
      return cache;
    }
    const orm = await MikroORM.init(config);
    await orm.migrator.up();
    return (cache = { orm, em: orm.em });
  }

  async function withRequestContext<T>(callback: () => Promise<T>): Promise<T> {
    const { orm } = await initORM();
    return RequestContext.create(orm.em, callback);
  }

  return { initORM, withRequestContext };
}
