import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { createDatabase, describeDriver, onServer, type DatabaseConfig } from '../support/databases.js';
import type { Order } from './schema-replica.js';

const SCHEMAS = Array.from({ length: 50 }, (_, i) => `tenant_${i}`);
/** Within the second migration of the 25th schema, as the count begins with 1. */
const MIDDLE = 49;

/** Without the driver's class, which does not pass between processes. */
const sendable = (config: DatabaseConfig): DatabaseConfig => JSON.parse(JSON.stringify(config));

async function start(): Promise<ChildProcess> {
  const child = fork(resolve(import.meta.dirname, 'schema-replica.ts'), {
    env: { ...process.env, NODE_ENV: 'production' },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  await once(child, 'message');
  return child;
}

async function ask(child: ChildProcess, order: Order): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => [`the process ended with ${code}`]);
  child.send(order);
  const [answer] = (await Promise.race([once(child, 'message'), ended])) as unknown[];
  return answer;
}

await describeDriver('postgresql', () => {
  test(`${SCHEMAS.length} schemas: what SIGKILL leaves undone, the next start finishes, and each migration runs once in each`, async () => {
    const database = await createDatabase('postgresql');
    const [first, second, third] = await Promise.all([start(), start(), start()]);
    try {
      const order = { config: sendable(database.config), schemas: SCHEMAS };
      expect(await ask(first, { ...order, stopAfter: MIDDLE })).toBe('in the middle');
      first.kill('SIGKILL');
      await once(first, 'exit');
      const count = async (table: string) => {
        const sql = SCHEMAS.map(schema => `select '${schema}' as schema, name from ${schema}.${table}`).join(
          ' union all ',
        );
        const rows = await onServer<{ schema: string; name: string }[]>(database.config, sql);
        return rows.map(({ schema, name }) => `${schema}.${name}`).sort();
      };
      const there = await onServer<unknown[]>(
        database.config,
        `select 1 from information_schema.tables where table_name = 'ran'`,
      );
      expect(there, 'a schema that was begun is as before').toHaveLength(24);

      // two at once: one lock
      const answers = await Promise.all([ask(second, order), ask(third, order)]);
      expect(answers).toEqual(expect.arrayContaining([{ ran: 52 }, { ran: 0 }]));
      const all = SCHEMAS.flatMap(schema => [`${schema}.Migration1`, `${schema}.Migration2`]).sort();
      expect(await count('ran')).toEqual(all);
      expect(await count('mikro_orm_migrations')).toEqual(all);
    } finally {
      [first, second, third].forEach(child => child.kill('SIGKILL'));
      await database.drop();
    }
  }, 60_000);
});
