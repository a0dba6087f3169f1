import { Migration } from '@mikro-orm/migrations';

export class Migration20261124130000 extends Migration {
  override name = 'Migration20261124130000';

  override up(): void {
    this.addSql('create table `entry` (`id` integer not null primary key autoincrement, `text` text not null)');
  }
}
