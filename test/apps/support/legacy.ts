import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MikroORM, type Options } from '@mikro-orm/core';
import { runCliWith, type CliResult } from '../../support/cli.js';
import type { AppDatabase } from './app-database.js';
import type { FixtureApp } from './next-app.js';

/** What the app of `lib/legacy` has written, as it reads it. */
export const LEGACY_ROWS = {
  articles: [
    ['Bundlers', ['orm', 'web']],
    ['No tags', []],
  ],
  animals: [
    ['Rex', 'dog, loud', ['Ann', 'Bob']],
    ['Tom', 'cat, 7', ['Bob']],
  ],
  dogs: 1,
  cats: 1,
  logs: ['filled'],
  cents: [5_000_000],
};

/** Runs our command line in a copy of the fixture app, on this database. */
export const runIn = (app: FixtureApp, { env }: AppDatabase, ...args: string[]): Promise<CliResult> =>
  runCliWith(env, app.folder, ...args);

/** Reads the rows of the app of `lib/legacy` after it moved to this library, and what MikroORM would change in the schema. */
export async function readMoved(app: FixtureApp, { env, file }: AppDatabase): Promise<{ rows: unknown; diff: string }> {
  const load = (path: string): Promise<unknown> =>
    import(/* @vite-ignore */ pathToFileURL(join(app.folder, 'lib/legacy', path)).href);
  const { configFor } = (await load('mikro-orm.config.ts')) as {
    configFor(url: string | undefined, file: string | undefined): Options;
  };
  const { work } = (await load('work.ts')) as { work: { read(em: unknown): Promise<unknown> } };
  const orm = new MikroORM({ ...configFor(file ? undefined : Object.values(env)[0], file), ensureDatabase: false });
  try {
    return { rows: await work.read(orm.em.fork()), diff: await orm.schema.getUpdateSchemaSQL({ wrap: false }) };
  } finally {
    await orm.close();
  }
}
