import { Migration } from '@mikro-orm/migrations';

export class Migration1 extends Migration {
  override up(): void {
    this.addSql('create table article (id integer primary key, title varchar(20))');
    this.addSql(`create table tag (article_id integer not null references article (id) on delete cascade)`);
    this.addSql(`insert into article values (1, 'one')`);
    this.addSql('insert into tag values (1)');
  }
}
/** On SQLite, as \`migration:create\` rebuilds a table. */
export class Migration2 extends Migration {
  override up(): void {
    if (this.driver.getDependencies().includes('pg')) {
      this.addSql('alter table article add column text varchar(20)');
      return;
    }
    this.addSql('create table article__temp_alter (id integer primary key, title varchar(20), text varchar(20))');
    this.addSql('insert into article__temp_alter select id, title, null from article');
    this.addSql('drop table article');
    this.addSql('alter table article__temp_alter rename to article');
  }
  override down(): void {
    this.addSql('alter table article drop column text');
  }
}
export class Migration3 extends Migration {
  override async up(): Promise<void> {
    await this.execute(`update article set text = 'new'`);
    await this.execute('create table note (id integer)');
  }
  override async down(): Promise<void> {
    await this.execute('drop table note');
  }
}
