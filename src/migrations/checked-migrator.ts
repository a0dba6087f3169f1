import type { MigrationInfo, MigrationsOptions } from '@mikro-orm/core';
import { Migrator, type MigrateOptions, type Migration, type MigrationResult } from '@mikro-orm/migrations';
import { beforeRunCommits } from '../mikro-orm-internals.js';
import { identifyDatabase } from '../process/database-identity.js';
import type { AnyOrm } from '../orm-source.js';
import { whileMigrating } from '../process/running-migrations.js';
import { CheckedRunner } from './checked-runner.js';
import { hasForeignKeyPragma, withoutForeignKeys } from './foreign-keys.js';
import type { OrmExtension } from './orm-extension.js';
import { assertStableNames } from './pending-migrations.js';
import { recordedRows, repairRecordedNames, type RenamedMigrations } from './recorded-names.js';

type RunOptions = string | string[] | MigrateOptions;
type ListedMigration = NonNullable<MigrationsOptions['migrationsList']>[number];

/**
 * MikroORM's Migrator, with a look at the listed and the recorded names before each run of `up()`, from whichever side it
 * comes: the command line, `createOrmSingleton`, or the app.
 */
export class CheckedMigrator extends Migrator {
  readonly #orm: AnyOrm;
  /** What `explicitMigrations` was given. */
  readonly renamed: RenamedMigrations;
  /** Whether that had no migration in it. */
  readonly lacksMigrations: boolean;
  /** The options as they are configured; those of a run may differ. */
  readonly #configured: MigrationsOptions;
  /** Files by the names of their migrations, while a rollup runs. */
  #files: ReadonlyMap<string, string> | undefined;

  constructor(orm: AnyOrm, renamed: RenamedMigrations, lacksMigrations: boolean) {
    super(orm.em as never);
    this.lacksMigrations = lacksMigrations;
    this.#orm = orm;
    this.renamed = renamed;
    this.#configured = this.options;
    beforeRunCommits(this, async transaction => (this.runner as CheckedRunner).guard?.assertWhole(transaction));
  }

  protected override createRunner(): CheckedRunner {
    return new CheckedRunner(this.driver, this.options, this.config);
  }

  override async up(options?: RunOptions): Promise<MigrationInfo[]> {
    assertStableNames(this.#orm.config, this.lacksMigrations);
    const { schema, transaction } = typeof options === 'object' ? (options as MigrateOptions) : {};
    const listed = await this.#listNames();
    const recorded = await this.#inSchema(schema, () =>
      repairRecordedNames(this.#orm, this, { renamed: this.renamed, listed, transaction, schema }),
    );
    await this.#inSchema(schema, () => this.init()); // its table would be made in the default one
    return this.#run(
      entry => !recorded.has(entry.name),
      transaction,
      () => super.up(options),
    );
  }

  override async down(options?: RunOptions): Promise<MigrationInfo[]> {
    const { schema, transaction } = typeof options === 'object' ? (options as MigrateOptions) : {};
    const rows = await recordedRows(this.#orm, transaction, schema);
    await this.#inSchema(schema, () => this.init());
    const recorded = new Set(rows.map(({ name }) => name));
    return this.#run(
      entry => recorded.has(entry.name),
      transaction,
      () => super.down(options as string | string[] | Omit<MigrateOptions, 'from'>),
    );
  }

  /** MikroORM rolls up files, and knows none of a listed migration. */
  override async rollup(migrations?: string[]): Promise<MigrationResult> {
    const listed = this.options.migrationsList?.map(({ name }) => name);
    if (!listed) {
      return super.rollup(migrations);
    }
    // apart from the rest: only the command line needs them, and the file system
    const [{ migrationsFolder }, { findMigrationFiles }, { writeMigrationIndex }] = await Promise.all([
      import('./migrations-folder.js'),
      import('./rollup-files.js'),
      import('./write-index.js'),
    ]);
    const recorded = new Set((await recordedRows(this.#orm)).map(({ name }) => name));
    const chosen = new Set(migrations?.length ? migrations : recorded);
    const { config } = this.#orm;
    this.absolutePath = migrationsFolder(config, this.options);
    const names = listed.filter(name => chosen.has(name));
    this.#files = findMigrationFiles(this.absolutePath, names, this.options.emit);
    try {
      const result = await super.rollup(migrations);
      if (this.options.emit === 'cjs') {
        // MikroORM records the name with this extension, as if it had found the file in a folder
        await this.logMigration(result.fileName.slice(0, -'.cjs'.length));
        await this.unlogMigration(result.fileName);
      }
      return result;
    } finally {
      this.#files = undefined;
      // without the files that were merged
      await writeMigrationIndex(config, this.absolutePath, this.options.emit ?? 'ts');
    }
  }

  protected override async discoverMigrations(): ReturnType<Migrator['discoverMigrations']> {
    const found = await super.discoverMigrations();
    return found.map(migration => {
      const path = this.#files?.get(migration.name);
      return path === undefined ? migration : { ...migration, path };
    });
  }

  /** The names of all migrations: of the list, or of files in a folder. */
  async #listNames(): Promise<string[]> {
    await this.resolvePaths();
    return (await this.discoverMigrations()).map(({ name }) => name);
  }

  async #inSchema<T>(schema: string | undefined, work: () => Promise<T>): Promise<T> {
    this.storage.setRunSchema?.(schema ?? this.options.schema);
    try {
      return await work();
    } finally {
      this.storage.unsetRunSchema?.();
    }
  }

  /** Runs with the options that suit the migrations and the database. */
  async #run<T>(
    isPart: (entry: ListedMigration) => boolean,
    transaction: MigrateOptions['transaction'],
    run: () => Promise<T>,
  ): Promise<T> {
    const outside = this.options.migrationsList?.some(entry => isPart(entry) && !this.#isTransactional(entry));
    this.#setOptions({
      ...this.#configured,
      // A migration outside of transactions, in a run that is one transaction, would wait for a connection (SQLite has one)
      // or a table that this transaction holds, for ever: then each migration of the run gets a transaction of its own.
      allOrNothing: outside ? false : this.#configured.allOrNothing,
      // A run in memory is a test's: a snapshot of it would only turn up in the project. `migration:create` still writes
      // one, as a database in memory has nothing else that the next migration could be compared with.
      snapshotOnMigrate: identifyDatabase(this.#orm).inMemory ? false : this.#configured.snapshotOnMigrate,
    } as MigrationsOptions);
    try {
      return await whileMigrating(this.config.get('contextName'), () =>
        hasForeignKeyPragma(this.#orm) ? this.#guard(transaction, run) : run(),
      );
    } finally {
      this.#setOptions(this.#configured);
    }
  }

  async #guard<T>(transaction: MigrateOptions['transaction'], run: () => Promise<T>): Promise<T> {
    await this.init(); // it may make another runner
    const runner = this.runner as CheckedRunner;
    return withoutForeignKeys(this.#orm, transaction, async guard => {
      runner.guard = guard;
      try {
        return await run();
      } finally {
        runner.guard = undefined;
      }
    });
  }

  #setOptions(options: MigrationsOptions): void {
    (this as unknown as { options: MigrationsOptions }).options = options;
  }

  /** As MikroORM will see it: on an instance, which may have it in a field. */
  #isTransactional(entry: ListedMigration): boolean {
    const type = typeof entry === 'function' ? entry : entry.class;
    const migration = new type(this.driver as never, this.config as never) as Partial<Migration>;
    return migration.isTransactional?.() !== false;
  }
}

/** The extension that registers the {@link CheckedMigrator}. */
export function checkedMigrator(renamed: RenamedMigrations, lacksMigrations: boolean): OrmExtension & { name: string } {
  return {
    // MikroORM.init() knows the Migrator by this name, and would register its own over it
    name: 'Migrator',
    register(orm) {
      orm.config.registerExtension('@mikro-orm/migrator', () => new CheckedMigrator(orm, renamed, lacksMigrations));
    },
  };
}

/** The Migrator of `orm`; in place of MikroORM's own, which files in a folder have, one that makes the same checks. */
export function checkedMigratorOf(orm: AnyOrm): Pick<Migrator, 'up'> {
  const own = orm.migrator as unknown as Migrator;
  return own.constructor === Migrator ? new CheckedMigrator(orm, {}, false) : own;
}

/**
 * A Migrator like that of `orm`, which has not run yet: one remembers which tables it has found, and an ORM of Durable Objects
 * has as many databases as there are objects.
 */
export function freshMigrator(orm: AnyOrm): Pick<Migrator, 'up'> {
  const { renamed = {}, lacksMigrations = false } = orm.migrator as unknown as Partial<CheckedMigrator>;
  return new CheckedMigrator(orm, renamed, lacksMigrations);
}

/** The map of `explicitMigrations`, whichever copy of this module has registered the Migrator. */
export function renamedMigrations(orm: AnyOrm): RenamedMigrations {
  return (orm.migrator as unknown as Partial<CheckedMigrator>).renamed ?? {};
}
