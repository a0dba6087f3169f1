import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MikroORM, defineEntity, p } from '@mikro-orm/core';
import { SqliteDriver as GenericDriver } from '@mikro-orm/sql';
import { SqliteDriver } from '@mikro-orm/sqlite';
// @ts-expect-error it comes without types
import Database from 'better-sqlite3';
import { SqliteDialect } from 'kysely';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createOrmSingleton } from '../../src/index.js';
import type { DatabaseConfig } from '../support/databases.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const note = () => {
  const Note = defineEntity({
    name: 'Note',
    tableName: 'note',
    properties: { id: p.integer().primary(), text: p.string() },
  });
  return Note;
};
const config = () => ({ driver: SqliteDriver, dbName: join(folder, 'test.db'), entities: [note()], baseDir: folder });

describe('a config that MikroORM has', () => {
  test('been given before works, with the `discovery` that the two have in common', async () => {
    const discovery = { warnWhenNoEntities: false };
    const plain = await MikroORM.init({ ...config(), discovery });
    await plain.close();
    await using orm = createOrmSingleton({ ...config(), discovery }, { name: folder });
    expect([...(await orm()).getMetadata().getAll().values()].map(meta => meta.className)).toEqual(['Note']);
  });

  test('the generic driver of @mikro-orm/sql with a dialect works', async () => {
    const database = new Database(join(folder, 'generic.db'));
    const logger = vi.fn();
    const orm = createOrmSingleton(
      {
        driver: GenericDriver,
        dbName: 'generic',
        driverOptions: new SqliteDialect({ database }),
        entities: [note()],
        logger,
      } as DatabaseConfig,
      { name: folder },
    );
    await (await orm()).schema.create();
    expect(await (await orm()).em.getConnection().execute('select * from note')).toEqual([]);
    await orm.close();
    database.close();
  });
});

describe('what MikroORM.init() does and its constructor does not', () => {
  test('entities of MIKRO_ORM_ENTITIES', async () => {
    await writeFile(
      join(folder, 'note.js'),
      `import { defineEntity, p } from ${JSON.stringify(import.meta.resolve('@mikro-orm/core'))};
export const Note = defineEntity({ name: 'Note', tableName: 'note', properties: { id: p.integer().primary() } });`,
    );
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    vi.stubEnv('MIKRO_ORM_ENTITIES', './note.js');
    const { entities: _, ...rest } = config();
    await using orm = createOrmSingleton({ ...rest, preferTs: false }, { name: folder });
    expect([...(await orm()).getMetadata().getAll().values()].map(meta => meta.className)).toEqual(['Note']);
  });

  test('a metadata cache without an adapter', async () => {
    const metadataCache = { enabled: true, options: { cacheDir: join(folder, 'cache') } };
    await using orm = createOrmSingleton({ ...config(), metadataCache }, { name: folder });
    expect((await orm()).config.getMetadataCacheAdapter()?.constructor.name).toBe('FileCacheAdapter');
  });

  test('extensions that are installed and not listed', async () => {
    await using orm = createOrmSingleton(config(), { name: folder });
    expect((await orm()).migrator.getStorage()).toBeDefined();
    expect(await orm.check(), 'which do not count as a list of migrations').toMatchObject({ ok: true });
    expect(() => orm.current!.seeder).toThrow(/SeedManager extension not registered/);
  });
});

test('two copies of @mikro-orm/core are refused, with both paths', async () => {
  const copy = join(folder, 'core');
  await cp(resolve(import.meta.dirname, '../../node_modules/@mikro-orm/core'), copy, { recursive: true });
  const { DatabaseDriver } = (await import(/* @vite-ignore */ pathToFileURL(join(copy, 'index.js')).href)) as {
    DatabaseDriver: new () => object;
  };
  class OtherDriver extends DatabaseDriver {}
  const orm = createOrmSingleton({ ...config(), driver: OtherDriver } as never, { name: folder });
  const error = (await orm().catch((thrown: unknown) => thrown)) as Error;
  expect(error).toMatchObject({ code: 'ORM_CONFIG' });
  expect(error.message).toContain(`the driver extends ${copy}.`);
  expect(error.message).toMatch(/mikro-orm-web uses \S*node_modules\/@mikro-orm\/core,/);

  const none = createOrmSingleton({ ...config(), driver: class {} } as never, { name: folder });
  await expect(none()).rejects.toThrow(/`driver` in the config is no driver of MikroORM/);
});
