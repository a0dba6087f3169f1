import { Migration } from '@mikro-orm/migrations';

export class Migration20260101000000 extends Migration {
  override up(): void {
    this.addSql(
      'create table "user" (id serial primary key, email varchar(255) not null unique, name varchar(255) not null)',
    );
    this.addSql('create table tag (id serial primary key, label varchar(255) not null)');
    this.addSql(
      'create table article (id serial primary key, title varchar(255) not null, author_id int not null references "user")',
    );
    this.addSql(
      'create table article_tags (article_id int not null references article, tag_id int not null references tag, primary key (article_id, tag_id))',
    );
    this.addSql(
      'create table animal (id serial primary key, kind varchar(255) not null, name varchar(255) not null, lives int, breed varchar(255))',
    );
  }
}
