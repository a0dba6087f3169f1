import { readFile } from 'node:fs/promises';
import { OrmConfigError } from '../errors.js';
import { hasMigrator, listSources } from '../migrations/pending-migrations.js';
import type { AnyOrm } from '../orm-source.js';
import { createOrmSingleton, type OrmSingleton } from '../singleton/create-orm-singleton.js';
import { settingsOf, type SingletonSettings } from '../singleton/singleton-settings.js';
import { copiesInUse } from './stores/copies-in-use.js';
import { openStore, ormBeside } from './stores/open-store.js';
import { ensureTemplate, freeName, removeStale } from './stores/templates.js';
import { digest, fitName, MARK_TABLE, type Overrides } from './stores/test-store.js';

/** Options of {@link createTestDatabase}. */
export interface TestDatabaseOptions<ORM extends AnyOrm = AnyOrm> {
  /**
   * Tells the copies of workers apart.
   * @default VITEST_POOL_ID, JEST_WORKER_ID or TEST_PARALLEL_INDEX (Playwright), else the process id
   */
  worker?: string | number | undefined;
  /** Fills the template, once, behind its migrations; each copy has what it has written. @default nothing */
  seed?: ((em: ORM['em']) => Promise<void>) | undefined;
}

/** What {@link createTestDatabase} resolves with. */
export interface TestDatabase {
  /** The name of the database; of SQLite, libSQL and PGlite the path. It begins with the config's. */
  readonly name: string;
  /** Closes the ORM, and removes the copy. The template stays for the next run. */
  drop(): Promise<void>;
  /** `await using database = await createTestDatabase(orm)`: the same at the end of the block. */
  [Symbol.asyncDispose](): Promise<void>;
}

const WORKER_VARIABLES = ['VITEST_POOL_ID', 'JEST_WORKER_ID', 'TEST_PARALLEL_INDEX'];

/**
 * Leads `orm` to a private copy of the migrated database, for this worker. The copy is made from a template, which is
 * migrated (and seeded) once for each list of migrations, under the migration lock. Templates of other lists, and copies of
 * processes that have ended, are removed. It never touches a database that it did not make.
 *
 * @param orm what `createOrmSingleton` returned, before its first use
 * @param options see {@link TestDatabaseOptions}
 * @throws `OrmConfigError` where `orm` is in use already, has no migrations, or a database of that name was made by
 *   somebody else; and the driver's error where the user may not create databases
 *
 * @example
 * ```ts
 * import { createTestDatabase } from 'mikro-orm-web/testing';
 * import { afterAll, beforeAll } from 'vitest';
 * import { orm } from './orm';
 *
 * let database: Awaited<ReturnType<typeof createTestDatabase>>;
 * beforeAll(async () => {
 *   database = await createTestDatabase(orm);
 * });
 * afterAll(() => database.drop());
 * ```
 */
export async function createTestDatabase<ORM extends AnyOrm>(
  orm: OrmSingleton<ORM>,
  { worker = defaultWorker(), seed }: TestDatabaseOptions<ORM> = {},
): Promise<TestDatabase> {
  const singleton = settingsOf(orm);
  if (!singleton || singleton.isUsed) {
    throw new OrmConfigError(
      'createTestDatabase takes what createOrmSingleton returned, before its first use: call it before orm() and check(), in a setup file say.',
    );
  }
  const given = await singleton.read();
  const settings: typeof given = {
    ...given,
    schemaGenerator: {
      ...given.schemaGenerator,
      skipTables: [...(given.schemaGenerator?.skipTables ?? []), MARK_TABLE],
    },
  };
  const probe = ormBeside(settings);
  const store = openStore(probe, settings);
  try {
    const key = await migrationsDigest(probe);
    const start = `_template_${key}_`;
    const template = fitName(store, `${start}${digest(String(seed))}`);
    let name = '';
    let overrides: Overrides = {};
    await store.exclusively(async () => {
      await removeStale(store, start);
      await ensureTemplate(store, template, (overrides, finish) =>
        migrateTemplate({ ...settings, ...overrides }, singleton, seed as TestDatabaseOptions['seed'], finish),
      );
      name = await freeName(store, String(worker).replace(/\W/g, '_'));
      await store.copy(template, name);
      overrides = await store.overrides(name, template);
    });
    orm.configure({ ...overrides, replicas: [], schemaGenerator: settings.schemaGenerator } as never);
    return opened(orm, name, settings);
  } finally {
    await probe.close();
    await store.close();
  }
}

function opened<ORM extends AnyOrm>(
  orm: OrmSingleton<ORM>,
  name: string,
  settings: Parameters<typeof ormBeside>[0],
): TestDatabase {
  copiesInUse().add(name);
  let dropping: Promise<void> | undefined;
  const drop = async (): Promise<void> => {
    await orm.close();
    const probe = ormBeside(settings);
    const store = openStore(probe, settings);
    try {
      await store.drop(name);
      copiesInUse().delete(name);
    } finally {
      await probe.close();
      await store.close();
    }
  };
  const once = (): Promise<void> => (dropping ??= drop());
  return { name, drop: once, [Symbol.asyncDispose]: once };
}

function defaultWorker(): string {
  return WORKER_VARIABLES.map(name => process.env[name]).find(Boolean) ?? String(process.pid);
}

async function migrationsDigest(orm: AnyOrm): Promise<string> {
  const sources = hasMigrator(orm) ? await listSources(orm) : [];
  if (sources.length === 0) {
    throw new OrmConfigError(
      'createTestDatabase copies a migrated database, and the config has no migrations: ...explicitMigrations(migrations). Without any, use a new database with orm.schema.create().',
    );
  }
  const contents = sources.map(
    async ({ name, text, path }) => `${name} ${text ?? (path && (await readFile(path, 'utf8')))}`,
  );
  return digest(orm.driver.getDependencies().join(), ...(await Promise.all(contents)));
}

async function migrateTemplate(
  settings: Parameters<typeof ormBeside>[0],
  { migrate }: SingletonSettings,
  seed: TestDatabaseOptions['seed'],
  finish: ((orm: AnyOrm) => Promise<void>) | undefined,
): Promise<void> {
  const template = createOrmSingleton({ ...settings, replicas: [] } as never, {
    name: `template ${String(settings.dbName)} ${process.pid}`,
    migrate: migrate || true,
  }) as unknown as OrmSingleton;
  try {
    const ready = await template();
    await seed?.(ready.em.fork());
    await finish?.(ready);
  } finally {
    await template.close();
  }
}
