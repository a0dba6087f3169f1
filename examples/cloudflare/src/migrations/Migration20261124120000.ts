import { Migration } from '@mikro-orm/migrations';

export class Migration20261124120000 extends Migration {
  override name = 'Migration20261124120000';

  override up(): void {
    this.addSql(
      'create table `user` (`id` text not null primary key, `email` text not null, `full_name` text not null)',
    );
    this.addSql('create unique index `user_email_unique` on `user` (`email`)');
    this.addSql('create table `tag` (`id` text not null primary key, `name` text not null)');
    this.addSql('create unique index `tag_name_unique` on `tag` (`name`)');
    this.addSql(
      'create table `article` (`id` text not null primary key, `slug` text not null, `title` text not null, `text` text not null, `created_at` datetime not null, `author_id` text not null references `user` (`id`))',
    );
    this.addSql('create unique index `article_slug_unique` on `article` (`slug`)');
    this.addSql('create index `article_author_id_index` on `article` (`author_id`)');
    this.addSql(
      'create table `article_tags` (`article_id` text not null references `article` (`id`) on delete cascade, `tag_id` text not null references `tag` (`id`) on delete cascade, primary key (`article_id`, `tag_id`))',
    );
    this.addSql('create index `article_tags_tag_id_index` on `article_tags` (`tag_id`)');
  }
}
