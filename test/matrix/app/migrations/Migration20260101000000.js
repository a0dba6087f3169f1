import { Migration } from '@mikro-orm/migrations';

export class Migration20260101000000 extends Migration {
  name = 'Migration20260101000000';

  up() {
    this.addSql('create table users (id integer primary key, email text not null unique)');
  }
}
