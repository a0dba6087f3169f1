import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MikroORM } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { POOL_MAX, type AppDatabase } from '../../test/apps/support/app-database.ts';
import type { DatabaseConfig } from '../../test/support/databases.ts';
import { createGraph, Migration20260101000000 } from '../../test/support/graphs.ts';

/** A module graph of an app, with the ORMs that it has made. */
export interface AppGraph {
  /** Handles a request: gets the ORM as the pattern does, and asks the database. */
  request(): Promise<void>;
  orms: Set<MikroORM>;
}

/** Deletes the copies of the library that this process has evaluated. */
export async function removeCopies(): Promise<void> {
  const parent = resolve(import.meta.dirname, '../../test/.tmp/graphs');
  for (const name of await readdir(parent)) {
    if (name.startsWith(`${process.pid}-`)) {
      await rm(join(parent, name), { recursive: true });
    }
  }
}

/** The app evaluated once more, as a bundler does for each of its module graphs, and on each reload. */
export async function createAppGraph(pattern: 'ours' | 'guide', { env }: AppDatabase, name: string): Promise<AppGraph> {
  const database = {
    driver: PostgreSqlDriver,
    clientUrl: Object.values(env)[0]!,
    pool: { min: 0, max: POOL_MAX, idleTimeoutMillis: 120_000 },
  } as DatabaseConfig;
  const graph = await createGraph(database);
  const orms = new Set<MikroORM>();
  if (pattern === 'ours') {
    const orm = graph.createOrmSingleton(graph.config, { migrate: true, name });
    return {
      orms,
      async request() {
        orms.add((await orm()) as unknown as MikroORM);
        await graph.withRequestContext(orm, em => em.count(graph.User));
      },
    };
  }

  let cache: MikroORM | undefined;
  async function initORM(): Promise<MikroORM> {
    if (cache) {
      return cache;
    }
    const orm = (await MikroORM.init({
      ...database,
      contextName: name,
      entities: [graph.User],
      extensions: [Migrator],
      migrations: {
        silent: true,
        snapshot: false,
        migrationsList: [{ name: 'Migration20260101000000', class: Migration20260101000000 }],
      },
    })) as MikroORM;
    orms.add(orm);
    await orm.migrator.up();
    return (cache = orm);
  }
  return {
    orms,
    async request() {
      const orm = await initORM();
      await orm.em.fork().count(graph.User);
    },
  };
}
