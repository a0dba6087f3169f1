import { Migration } from '@mikro-orm/migrations';

export class Migration20260101000000 extends Migration {
  override up(): void {
    this.addSql('create table `author` (`id` text not null primary key, `name` text not null)');
    this.addSql(
      'create table `post` (`id` text not null primary key, `author_id` text not null references `author` (`id`) on delete cascade)',
    );
  }
}
