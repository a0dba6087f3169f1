// One replica of an app with a schema for each tenant, as a process of its own: migrates those that the message names.

import { Migration } from '@mikro-orm/migrations';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { createOrmSingleton, explicitMigrations } from '../../dist/index.js';

export interface Order {
  config: object;
  schemas: string[];
  /** After how many migrations it says so and stops, for the signal that ends it. */
  stopAfter?: number;
}

let ran = 0;
let stopAfter = Infinity;

/** Has its row before it is recorded: what runs twice leaves two. */
async function leaveRow(migration: Migration, name: string): Promise<void> {
  await migration.execute(`insert into ran values ('${name}')`);
  if (++ran > stopAfter) {
    process.send?.('in the middle');
    await new Promise(() => setInterval(() => undefined, 1_000));
  }
}
class Migration1 extends Migration {
  override async up(): Promise<void> {
    await this.execute('create table ran (name varchar(50))');
    await leaveRow(this, 'Migration1');
  }
}
class Migration2 extends Migration {
  override async up(): Promise<void> {
    await this.execute('create table users (id integer primary key)');
    await leaveRow(this, 'Migration2');
  }
}

process.on('message', async (order: Order) => {
  stopAfter = order.stopAfter ?? Infinity;
  const orm = createOrmSingleton(
    {
      ...order.config,
      driver: PostgreSqlDriver,
      entities: [],
      discovery: { warnWhenNoEntities: false },
      ...explicitMigrations({ Migration1, Migration2 }, { silent: true, snapshot: false }),
    },
    { migrate: { schemas: order.schemas } },
  );
  const answer = await orm().then(
    () => ({ ran }),
    (error: Error) => ({ error: error.message }),
  );
  await orm.close();
  process.send?.(answer);
});
process.send?.('ready');
