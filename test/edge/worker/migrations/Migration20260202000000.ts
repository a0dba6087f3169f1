import { Migration } from '@mikro-orm/migrations';

export class Migration20260202000000 extends Migration {
  override up(): void {
    this.addSql("insert into `author` values ('a', 'Author 1')");
    this.addSql("insert into `post` values ('p', 'a')");
  }
}
