// What both apps of the cold start have in common. Plain JavaScript: taking types away would cost both the same again.
import { defineEntity, p } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';

const NoteSchema = defineEntity({
  name: 'Note',
  tableName: 'note',
  properties: { id: p.integer().primary(), text: p.string() },
});
export class Note extends NoteSchema.class {}
NoteSchema.setClass(Note);

export class Migration20260101000000 extends Migration {
  up() {
    this.addSql('create table note (id integer primary key autoincrement, text varchar(200) not null)');
    this.addSql(`insert into note (text) values ('first')`);
  }
}

export const dbName = process.argv[2];
export const migrations = { silent: true, snapshot: false };
