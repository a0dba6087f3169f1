// Migrates as a process of its own, and ends hard before the statement that the message names: no COMMIT, no ROLLBACK.

import { createRequire } from 'node:module';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { createOrmSingleton, explicitMigrations } from '../../dist/index.js';
import * as migrations from './killed-run-migrations.ts';

export interface Order {
  driver: 'sqlite' | 'postgresql';
  config: object;
  direction: 'up' | 'down';
  /** Counts from 1, which is the BEGIN of the run. */
  killBefore: number;
}

let killBefore = Infinity;
let statements = 0;

function count(sql: string): void {
  // the lock of PostgreSQL has a transaction of its own, which says its isolation level
  if (statements === 0 && !/^(?:begin|start transaction)$/.test(sql)) {
    return;
  }
  if (++statements === killBefore) {
    process.kill(process.pid, 'SIGKILL');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); // until it has come
  }
}

const DRIVERS = {
  sqlite: { driver: SqliteDriver, driverOptions: { verbose: count } },
  postgresql: { driver: PostgreSqlDriver },
};
const { Client } = createRequire(import.meta.url)('pg') as {
  Client: { prototype: { query(...args: unknown[]): unknown } };
};
const { query } = Client.prototype;
Client.prototype.query = function (...args) {
  count(String(Object(args[0]).text ?? args[0]));
  return query.apply(this, args);
};

process.on('message', async (order: Order) => {
  const orm = createOrmSingleton(
    {
      ...order.config,
      ...(DRIVERS[order.driver] as { driver: typeof PostgreSqlDriver }),
      entities: [],
      discovery: { warnWhenNoEntities: false },
      ...explicitMigrations(migrations, { silent: true, snapshot: false }),
    },
    { migrate: order.direction === 'up' },
  );
  killBefore = order.killBefore;
  const { migrator } = await orm();
  if (order.direction === 'down') {
    await migrator.down({ to: 'Migration1' });
  }
  process.send?.(statements);
  await orm.close();
  process.disconnect();
});
process.send?.('ready');
