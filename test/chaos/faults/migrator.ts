// Migrates as a process of its own, and can be held up, or stops itself, in the middle of a migration.

import { once } from 'node:events';
import { Migration } from '@mikro-orm/migrations';
import type { IDatabaseDriver, Options } from '@mikro-orm/core';
import { createOrmSingleton, explicitMigrations } from '../../../dist/index.js';
import type { PoolOptions } from './app.js';

export interface Orders {
  driver: 'postgresql' | 'mariadb';
  config: object;
  /** What its rows are marked with. */
  tag: string;
  lockTimeout: number;
  options: PoolOptions;
  transactional: boolean;
  /** In the middle of the migration it waits for a message, stops itself, or neither. */
  holdUp: 'waits' | 'stops' | 'no';
}
export interface Result {
  /** Of the error, where it has failed. */
  name?: string;
  message?: string;
  code?: string | undefined;
  /** Ms. */
  took: number;
}

const orders = JSON.parse(process.argv[2]!) as Orders;

class Migration20260401000000 extends Migration {
  override isTransactional(): boolean {
    return orders.transactional;
  }
  override async up(): Promise<void> {
    const step = (number: number): Promise<unknown> =>
      this.execute(`insert into steps values (${number}, '${orders.tag}')`);
    await step(1);
    process.send?.({ event: 'migrating' });
    if (orders.holdUp === 'waits') {
      await once(process, 'message');
    } else if (orders.holdUp === 'stops') {
      process.kill(process.pid, 'SIGSTOP');
    }
    await step(2);
    await step(3);
  }
}

const { PostgreSqlDriver, MariaDbDriver } = {
  ...(orders.driver === 'postgresql' ? await import('@mikro-orm/postgresql') : {}),
  ...(orders.driver === 'mariadb' ? await import('@mikro-orm/mariadb') : {}),
} as Record<string, Options<IDatabaseDriver>['driver']>;
const config = {
  ...orders.config,
  driver: PostgreSqlDriver ?? MariaDbDriver,
  entities: [],
  discovery: { warnWhenNoEntities: false },
  logger: () => undefined,
  ...explicitMigrations({ Migration20260401000000 }, { silent: true, snapshot: false }),
} as unknown as Options<IDatabaseDriver>;
const orm = createOrmSingleton(config, { migrate: { lockTimeout: orders.lockTimeout }, pool: orders.options });
const started = performance.now();
const result = await orm().then(
  () => ({}),
  (error: Error & { code?: string }) => ({ name: error.name, message: error.message, code: error.code }),
);
process.send?.({ result: { ...result, took: Math.round(performance.now() - started) } });
await orm.close();
process.disconnect();
