import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MikroORM } from '@mikro-orm/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { explicitMigrations } from '../../src/index.js';
import {
  createDatabase,
  describeDriver,
  onServer,
  type DatabaseConfig,
  type TestDatabase,
} from '../support/databases.js';
import * as migrations from './killed-run-migrations.js';
import type { Order } from './killed-run.js';

/** Without the driver's class, which does not pass between processes. */
const sendable = (config: DatabaseConfig): object => JSON.parse(JSON.stringify(config));

/** Runs until the end, or until the process is killed: then there is no number of statements. */
async function run(order: Order): Promise<number | undefined> {
  const child = fork(resolve(import.meta.dirname, 'killed-run.ts'), {
    env: { ...process.env, NODE_ENV: 'production' },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const ended = once(child, 'exit');
  let statements: number | undefined;
  child.on('message', message => {
    if (message === 'ready') {
      child.send(order);
    } else {
      statements = Number(message);
    }
  });
  const [code, signal] = (await ended) as unknown[];
  expect(statements === undefined ? signal : code, 'how the process ended').toBe(
    statements === undefined ? 'SIGKILL' : 0,
  );
  return statements;
}

for (const name of ['sqlite', 'postgresql'] as const) {
  await describeDriver(name, () => {
    const databases: TestDatabase[] = [];
    let states: Record<'before' | 'after', DatabaseConfig>;
    beforeAll(async () => {
      states = { before: await prepare('Migration1'), after: await prepare('Migration3') };
    });
    afterAll(() => Promise.all(databases.map(database => database.drop())));

    async function prepare(to: string): Promise<DatabaseConfig> {
      const database = await createDatabase(name);
      databases.push(database);
      const base = { ...database.config, entities: [], discovery: { warnWhenNoEntities: false } };
      const orm = new MikroORM({ ...base, ...explicitMigrations(migrations, { silent: true, snapshot: false }) });
      await orm.migrator.up({ to });
      await orm.close();
      return database.config;
    }

    /** A database like that one. */
    async function copy(of: DatabaseConfig): Promise<TestDatabase> {
      const database = await createDatabase(name);
      if (name === 'sqlite') {
        await copyFile(of.dbName!, database.config.dbName!);
      } else {
        await database.drop();
        await onServer(
          { ...database.config, dbName: 'postgres' },
          `create database ${database.config.dbName} template ${of.dbName}`,
        );
      }
      return database;
    }

    /** All that the migrations change. */
    async function look(config: DatabaseConfig): Promise<unknown> {
      const tables =
        name === 'sqlite'
          ? `select name from sqlite_master where type = 'table' order by name`
          : `select table_name as name from information_schema.tables where table_schema = 'public' order by 1`;
      return {
        tables: await onServer(config, tables),
        recorded: await onServer(config, 'select name from mikro_orm_migrations order by id'),
        articles: await onServer(config, 'select * from article order by id'),
        tags: await onServer(config, 'select * from tag'),
      };
    }

    test.each(name === 'sqlite' ? (['up', 'down'] as const) : (['up'] as const))(
      'killed before any of its statements, a run %s leaves the database as before or as after',
      async direction => {
        const [from, to] = direction === 'up' ? [states.before, states.after] : [states.after, states.before];
        const [before, after] = [await look(from), await look(to)];
        expect(before).not.toEqual(after);
        let next = 1;
        let end = Infinity;
        const seen: { killBefore: number; isAfter: boolean }[] = [];
        const work = async (): Promise<void> => {
          while (next <= end) {
            const killBefore = next++;
            const database = await copy(from);
            try {
              const order: Order = { driver: name, config: sendable(database.config), direction, killBefore };
              const statements = await run(order);
              end = Math.min(end, statements ?? Infinity);
              const found = await look(database.config);
              const isAfter = JSON.stringify(found) === JSON.stringify(after);
              expect(found, `killed before statement ${killBefore}`).toEqual(isAfter ? after : before);
              seen.push({ killBefore, isAfter });
            } finally {
              await database.drop();
            }
          }
        };
        await Promise.all([work(), work(), work()]);
        expect(end, 'how many statements there were').toBeGreaterThan(8);
        console.log(
          `${name} ${direction}: ${end} statements, ${seen.filter(({ isAfter }) => isAfter).length} after COMMIT`,
        );
        seen.sort((a, b) => a.killBefore - b.killBefore);
        expect(seen[0]).toEqual({ killBefore: 1, isAfter: false });
        expect(seen.at(-1)).toMatchObject({ isAfter: true });
        expect(
          seen.map(({ isAfter }) => isAfter),
          'the COMMIT is one step',
        ).toEqual(seen.map(({ killBefore }) => killBefore >= seen.find(({ isAfter }) => isAfter)!.killBefore));
      },
      60_000,
    );
  });
}
