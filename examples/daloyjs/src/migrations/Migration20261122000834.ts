import { Migration } from '@mikro-orm/migrations';

export class Migration20261122000834 extends Migration {
  override name = 'Migration20261122000834';

  override up(): void | Promise<void> {
    this.addSql(`create table "inventory" ("sku" varchar(255) not null, "stock" int not null, primary key ("sku"));`);

    this.addSql(
      `create table "order" ("id" uuid not null default gen_random_uuid(), "item_sku" varchar(255) not null, "qty" int not null, "created_at" timestamptz not null, primary key ("id"));`,
    );

    this.addSql(
      `create table "user" ("id" uuid not null default gen_random_uuid(), "email" varchar(255) not null, "name" varchar(255) null, "api_key" uuid not null default gen_random_uuid(), "created_at" timestamptz not null, primary key ("id"));`,
    );
    this.addSql(`alter table "user" add constraint "user_email_unique" unique ("email");`);

    this.addSql(
      `alter table "order" add constraint "order_item_sku_foreign" foreign key ("item_sku") references "inventory" ("sku");`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "order" drop constraint "order_item_sku_foreign";`);

    this.addSql(`drop table if exists "inventory" cascade;`);
    this.addSql(`drop table if exists "order" cascade;`);
    this.addSql(`drop table if exists "user" cascade;`);
  }
}
